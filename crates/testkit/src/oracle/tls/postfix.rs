//! How Postfix reads an answer of `smtp_tls_policy_maps`, by its version: strict where it is strict, as one word that it does
//! not know costs the whole policy; and which certificates it then takes.

/// What it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The site's own level.
    Nothing,
    /// No mail now.
    Later,
    /// `dane`
    Dane,
    /// `dane-only`
    DaneOnly,
    /// `secure`
    Secure(Names),
}

/// Which MX hosts get mail if they have an honest certificate in their own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The elements of `match=`.
    matches: Vec<String>,
    /// Those of `mx_host_pattern=`, where they count in place of the others.
    patterns: Option<Vec<String>>,
}

impl Names {
    /// Whether a host with a certificate in this name gets mail.
    #[must_use]
    pub fn take(&self, host: &str) -> bool {
        match &self.patterns {
            Some(patterns) => patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
                Some(rest) => host.split_once('.').is_some_and(|(_, below)| below == rest),
                None => pattern == host,
            }),
            // Any depth.
            None => self.matches.iter().any(|name| match name.starts_with('.') {
                true => host.ends_with(name.as_str()),
                false => name == host,
            }),
        }
    }
}

/// One version of Postfix.
#[derive(Clone, Copy, Debug)]
pub struct Postfix {
    /// As in 3.10.5: 3, 10, 5.
    pub version: (u16, u16, u16),
    /// `smtp_tls_enforce_sts_mx_patterns`, where it is known.
    pub enforces_patterns: bool,
}

impl Postfix {
    /// Reads the payload of a socketmap reply. An error says what Postfix would refuse.
    pub fn read(&self, reply: &str) -> Result<Told, String> {
        if reply == "NOTFOUND " {
            return Ok(Told::Nothing);
        }
        if reply.starts_with("TEMP ") {
            return Ok(Told::Later);
        }
        let entry = reply.strip_prefix("OK ").ok_or("no status")?;
        if reply.len() > 100_000 {
            return Err("too long".to_owned());
        }
        let mut tokens = tokens(entry)?.into_iter();
        let level = tokens.next().ok_or("empty")?;
        let attributes: Vec<(String, String)> =
            tokens.map(|token| attribute(&token)).collect::<Result<_, _>>()?;
        match level.as_str() {
            "dane" if attributes.is_empty() => Ok(Told::Dane),
            "dane-only" if attributes.is_empty() => Ok(Told::DaneOnly),
            "secure" => self.secure(&attributes),
            other => Err(format!("never to be said: {other}")),
        }
    }

    fn secure(&self, attributes: &[(String, String)]) -> Result<Told, String> {
        let all = |name: &str| -> Vec<String> {
            attributes.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
        };
        for (name, value) in attributes {
            let since = match name.as_str() {
                "match" => (2, 3, 0),
                "servername" => (3, 4, 0),
                "policy_type" | "policy_domain" | "policy_string" | "mx_host_pattern" => (3, 10, 0),
                _ => return Err(format!("unknown: {name}")),
            };
            if self.version < since {
                return Err(format!("not known yet: {name}"));
            }
            if value.is_empty() {
                return Err(format!("empty: {name}"));
            }
        }
        for once in ["match", "servername", "policy_type", "policy_domain"] {
            if all(once).len() > 1 {
                return Err(format!("twice: {once}"));
            }
        }
        if all("servername").iter().any(|name| name != "hostname") {
            return Err("another servername".to_owned());
        }
        let (domain, strings, patterns) =
            (all("policy_domain"), all("policy_string"), all("mx_host_pattern"));
        if !domain.iter().all(|domain| is_hostname(domain)) {
            return Err("policy_domain is no host name".to_owned());
        }
        // It takes them for granted where there is a type.
        match all("policy_type").as_slice() {
            [] if domain.is_empty() && strings.is_empty() && patterns.is_empty() => {}
            [sts] if sts == "sts" && !domain.is_empty() && !strings.is_empty() && !patterns.is_empty() => {}
            other => return Err(format!("half of what reports want: {other:?}")),
        }
        let matches: Vec<String> =
            all("match").iter().flat_map(|all| all.split(':').map(str::to_owned)).collect();
        if matches.is_empty()
            || matches.iter().any(|name| ["", "hostname", "nexthop", "dot-nexthop"].contains(&name.as_str()))
        {
            return Err("match= lets in more than names".to_owned());
        }
        let counts = self.version >= (3, 10, 5) && self.enforces_patterns && !patterns.is_empty();
        Ok(Told::Secure(Names { matches, patterns: counts.then_some(patterns) }))
    }
}

/// Split at white space and commas, but not within braces.
fn tokens(entry: &str) -> Result<Vec<String>, String> {
    let (mut tokens, mut token, mut depth) = (Vec::new(), String::new(), 0usize);
    for c in entry.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or("a brace too many")?,
            ' ' | '\t' | '\n' | '\r' | ',' if depth == 0 => {
                tokens.push(std::mem::take(&mut token));
                continue;
            }
            _ => {}
        }
        token.push(c);
    }
    tokens.push(token);
    tokens.retain(|token| !token.is_empty());
    if depth == 0 { Ok(tokens) } else { Err("a brace too few".to_owned()) }
}

fn attribute(token: &str) -> Result<(String, String), String> {
    let inner = match token.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or("text behind a brace")?,
        None => token,
    };
    let (name, value) = inner.split_once('=').ok_or_else(|| format!("no attribute: {token}"))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn is_hostname(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 255 && name.split('.').all(label) && !name.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
