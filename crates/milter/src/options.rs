//! Negotiation (`SMFIC_OPTNEG`): the MTA offers what it can do, the filter takes of that what it wants. Never more than was
//! offered; answers are left out only to commands to which the filter would always say "go on".

use std::ops::{BitAnd, BitOr};

use crate::command::Stage;
use crate::wire::{DecodeError, Reader, put_string, put_u32};

/// The oldest version of the protocol that is spoken (Sendmail 8.11).
pub const OLDEST_VERSION: u32 = 2;
/// The newest (Sendmail 8.14, Postfix 2.6).
pub const NEWEST_VERSION: u32 = 6;

/// What a filter may do to a message (`SMFIF_*`), as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actions(pub u32);

/// What the two sides leave out or send in addition (`SMFIP_*`), as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Steps(pub u32);

#[expect(missing_docs, reason = "each is named as what it allows")]
impl Actions {
    pub const ADD_HEADERS: Self = Self(0x01);
    pub const REPLACE_BODY: Self = Self(0x02);
    pub const ADD_RECIPIENTS: Self = Self(0x04);
    pub const DELETE_RECIPIENTS: Self = Self(0x08);
    pub const CHANGE_HEADERS: Self = Self(0x10);
    pub const QUARANTINE: Self = Self(0x20);
    pub const CHANGE_SENDER: Self = Self(0x40);
    pub const ADD_RECIPIENTS_WITH_ARGUMENTS: Self = Self(0x80);
    /// Macros may be asked for by name.
    pub const ASK_FOR_MACROS: Self = Self(0x100);
}

impl Steps {
    /// The MTA does not send what it does not understand of SMTP.
    pub const NO_UNKNOWN: Self = Self(0x100);
    /// The filter may ask for no more of a body.
    pub const SKIP: Self = Self(0x400);
    /// Recipients that the MTA refuses are sent too.
    pub const REFUSED_RECIPIENTS: Self = Self(0x800);
    /// The filter does not answer to the commands of these bits (`SMFIP_NR_*`, and `SMFIP_NOHREPL` of version 2), and the
    /// MTA does not wait: Postfix puts such commands into one write. A filter that answers all the same is out of step with
    /// its MTA, which Postfix does not notice: it delivers without the filter's changes.
    pub const NO_REPLIES: Self = Self(0x000f_f080);
    /// Header values keep the space behind the colon, in both directions.
    pub const LEADING_SPACE: Self = Self(0x10_0000);
}

impl Actions {
    /// Are all of `other` among these?
    #[must_use]
    pub fn have(self, other: Self) -> bool {
        self & other == other
    }
}

impl Steps {
    /// Are all of `other` among these?
    #[must_use]
    pub fn have(self, other: Self) -> bool {
        self & other == other
    }
}

impl Steps {
    /// That this command is not answered. The end of a body always is.
    #[must_use]
    pub fn no_reply(stage: Stage) -> Self {
        Self(match stage {
            Stage::Header => 0x80,
            Stage::Connect => 0x1000,
            Stage::Helo => 0x2000,
            Stage::Mail => 0x4000,
            Stage::Rcpt => 0x8000,
            Stage::Data => 0x1_0000,
            Stage::Unknown => 0x2_0000,
            Stage::EndOfHeader => 0x4_0000,
            Stage::Body => 0x8_0000,
            Stage::EndOfBody => 0,
        })
    }
}

impl BitOr for Actions {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Actions {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Steps {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Steps {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A version and what goes with it: offered by an MTA, taken by a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Of the protocol.
    pub version: u32,
    /// What the filter may do.
    pub actions: Actions,
    /// What is left out and added.
    pub steps: Steps,
}

impl Offer {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u32()?;
        Ok(Self { version, actions: Actions(reader.u32()?), steps: Steps(reader.u32()?) })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for number in [self.version, self.actions.0, self.steps.0] {
            put_u32(out, number);
        }
    }
}

/// The commands for which macros can be asked for (`SMFIM_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the command of its name")]
pub enum MacroStage {
    Connect = 0,
    Helo = 1,
    Mail = 2,
    Rcpt = 3,
    Data = 4,
    EndOfBody = 5,
    EndOfHeader = 6,
}

/// Macros wanted with a command (`SMFIR_SETSYMLIST`): their names with spaces between, those longer than a letter in
/// braces. They take the place of those that the MTA would have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacroList<'a> {
    /// The number of a [`MacroStage`].
    pub stage: u32,
    /// The names.
    pub names: &'a [u8],
}

impl<'a> MacroList<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self { stage: reader.u32()?, names: reader.string()? })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_u32(out, self.stage);
        put_string(out, self.names);
    }
}

/// What a filter wants of an MTA.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Without these the filter cannot do its work.
    pub needed: Actions,
    /// With these it can do more.
    pub wanted: Actions,
    /// Are recipients sent that the MTA has refused already? They come with the macro `{rcpt_mailer}` set to `error`.
    pub refused_recipients: bool,
    /// The commands to which the filter never says anything but "go on": not answered, where the MTA can do without.
    pub unanswered: &'static [Stage],
    /// The macros to be sent with each command, where the MTA can be asked.
    pub macros: &'static [(MacroStage, &'static str)],
}

/// What both sides agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed(Offer);

/// Why there is nothing to agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAgreement {
    /// Older than [`OLDEST_VERSION`].
    #[error("the MTA speaks version {0} of the protocol, {OLDEST_VERSION} is the oldest that will do")]
    Version(u32),
    /// Something that the filter needs is not offered.
    #[error("the MTA offers the actions {offered:#x}, {needed:#x} are needed")]
    Actions {
        /// By the MTA.
        offered: u32,
        /// By the filter.
        needed: u32,
    },
}

impl Agreed {
    /// Takes of the offer what the wish asks for.
    pub fn new(offer: &Offer, wish: &Wish) -> Result<Self, NoAgreement> {
        if offer.version < OLDEST_VERSION {
            return Err(NoAgreement::Version(offer.version));
        }
        if !offer.actions.have(wish.needed) {
            return Err(NoAgreement::Actions { offered: offer.actions.0, needed: wish.needed.0 });
        }
        let version = offer.version.min(NEWEST_VERSION);
        let ask = if wish.macros.is_empty() { Actions(0) } else { Actions::ASK_FOR_MACROS };
        let refused = if wish.refused_recipients { Steps::REFUSED_RECIPIENTS } else { Steps(0) };
        let unanswered = wish.unanswered.iter().map(|stage| Steps::no_reply(*stage));
        let unanswered = unanswered.fold(Steps(0), Steps::bitor);
        let steps = Steps::LEADING_SPACE | Steps::SKIP | Steps::NO_UNKNOWN | refused | unanswered;
        let actions = offer.actions & (wish.needed | wish.wanted | ask);
        Ok(Self(Offer { version, actions, steps: offer.steps & steps }))
    }

    /// What the filter answers to the offer.
    #[must_use]
    pub fn offer(&self) -> Offer {
        self.0
    }

    /// Do header values come, and are they sent, with the space behind the colon? Without that, a field that had none
    /// cannot be told from one that had: see [`crate::session::on_the_wire`].
    #[must_use]
    pub fn leading_space(&self) -> bool {
        self.0.steps.have(Steps::LEADING_SPACE)
    }

    /// Is this command answered?
    #[must_use]
    pub fn answers(&self, stage: Stage) -> bool {
        self.0.steps & Steps::no_reply(stage) == Steps(0)
    }

    /// May the filter ask for no more of a body?
    #[must_use]
    pub fn skip(&self) -> bool {
        self.0.steps.have(Steps::SKIP)
    }

    /// May the filter do this?
    #[must_use]
    pub fn allows(&self, actions: Actions) -> bool {
        self.0.actions.have(actions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: Wish = Wish {
        needed: Actions(Actions::ADD_HEADERS.0 | Actions::CHANGE_HEADERS.0),
        wanted: Actions::QUARANTINE,
        refused_recipients: true,
        unanswered: &[],
        macros: &[(MacroStage::Mail, "{auth_authen}")],
    };

    fn agree(version: u32, actions: u32, steps: u32) -> Result<(u32, u32, u32), NoAgreement> {
        let offer = Offer { version, actions: Actions(actions), steps: Steps(steps) };
        Agreed::new(&offer, &WISH).map(|agreed| {
            let Offer { version, actions, steps } = agreed.offer();
            (version, actions.0, steps.0)
        })
    }

    #[test]
    fn only_what_is_offered_is_taken_and_only_what_is_wanted() {
        assert_eq!(agree(6, 0x1ff, 0x1f_ffff), Ok((6, 0x131, 0x10_0d00)));
        assert_eq!(agree(6, 0xffff_ffff, 0xffff_ffff), Ok((6, 0x131, 0x10_0d00)));
        assert_eq!(agree(2, 0x11, 0), Ok((2, 0x11, 0)));
        assert_eq!(agree(4, 0x3f, 0x3ff), Ok((4, 0x31, 0x100)));
    }

    #[test]
    fn answers_are_left_out_where_nobody_wants_any_and_the_mta_can_do_without() {
        let wish = Wish { unanswered: &Stage::ALL, ..WISH };
        let agree = |steps| {
            let offer = Offer { version: 6, actions: Actions(0x1ff), steps: Steps(steps) };
            Agreed::new(&offer, &wish).unwrap()
        };
        let all = agree(0x1f_ffff);
        assert_eq!(all.offer().steps & Steps::NO_REPLIES, Steps::NO_REPLIES);
        let answered: Vec<Stage> = Stage::ALL.into_iter().filter(|stage| all.answers(*stage)).collect();
        assert_eq!(answered, [Stage::EndOfBody]);
        let some = agree(0x1f_ffff & !Steps::no_reply(Stage::Mail).0);
        assert!(some.answers(Stage::Mail) && !some.answers(Stage::Rcpt));
        assert!(Stage::ALL.into_iter().all(|stage| agree(0x3ff & !0x80).answers(stage)));
    }

    #[test]
    fn steps_that_leave_answers_out_are_taken_only_by_wish() {
        for bit in 0..32 {
            let (_, _, steps) = agree(6, 0x1ff, 1 << bit).unwrap();
            assert_eq!(steps & Steps::NO_REPLIES.0, 0, "bit {bit}");
        }
        let every_no_reply = 0x80 | (0x1000..=0x8_0000u32).filter(|bit| bit.is_power_of_two()).sum::<u32>();
        assert_eq!(every_no_reply, Steps::NO_REPLIES.0);
    }

    #[test]
    fn net_02_versions() {
        assert_eq!(agree(1, 0x1ff, 0), Err(NoAgreement::Version(1)));
        for version in 2..=6 {
            assert_eq!(agree(version, 0x1ff, 0).unwrap().0, version);
        }
        assert_eq!(agree(99, 0x1ff, 0).unwrap().0, 6);
    }

    #[test]
    fn what_is_needed_must_be_offered() {
        assert_eq!(agree(6, 0x01, 0), Err(NoAgreement::Actions { offered: 0x01, needed: 0x11 }));
    }
}
