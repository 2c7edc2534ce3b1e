//! A place with a configuration, and a `postconf` that says what the test wants.

use std::path::Path;
use std::process::Command;

use crate::place::{Place, Run};

/// A Postfix with which all is well beside a listener at `milter`.
pub(crate) fn settings(milter: &str) -> String {
    format!(
        "mail_version = 3.7.11\nqueue_directory = /var/spool/postfix\nmail_owner = nobody\n\
         smtpd_milters = {{ {milter}, default_action=tempfail }}\n\
         non_smtpd_milters = {{ {milter}, default_action=tempfail }}\nmilter_protocol = 6\n\
         internal_mail_filter_classes = bounce\nsmtpd_forbid_bare_newline = normalize\n"
    )
}

/// Puts a `postconf` into `bin` that prints these settings and one service.
pub(crate) fn postconf(place: &Place, settings: &str) {
    place.write("bin/settings", settings);
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*-M*) echo 'smtp inet n - y - - smtpd' ;;\n*-P*) ;;\n\
         *) while read -r line; do echo \"$line\"; done < {} ;;\nesac\n",
        place.path("bin/settings").display()
    );
    place.write("bin/postconf", script);
    place.mode("bin/postconf", 0o700);
}

/// Runs the program with nothing to find but what stands in `bin`.
pub(crate) fn run(place: &Place, command: &str) -> Run {
    run_with(place, command, &place.path("bin"))
}

pub(crate) fn run_with(place: &Place, command: &str, path: &Path) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(command.split_whitespace())
        .current_dir(place.path(""))
        .env("PATH", path)
        .output()
        .unwrap();
    Run {
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

/// What a doctor found that is not good, as `severity code`, and how it ended.
pub(crate) fn found(run: &Run) -> (Vec<String>, i32) {
    assert_eq!(run.err, "");
    let json = run.json();
    assert_eq!(json["good"].as_bool().unwrap(), run.code == 0);
    let all = json["findings"].as_array().unwrap().iter().filter(|finding| !finding["code"].is_null());
    let word = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    (all.map(|f| format!("{} {}", word(f, "severity"), word(f, "code"))).collect(), run.code)
}
