//! A database's URL as it may be shown.

use std::fmt;

/// A database URL without its password, for messages and logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Takes the password out, be it before the host or among the parameters.
    pub fn new(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold an unescaped `@` or `/`: up to the last `@`, all is login.
        let login_end = place.rfind('@').unwrap_or(0);
        let (login, host) = place.split_at(login_end);
        let user = login.split_once(':').map_or(login, |(user, _)| user);
        let hidden = if user.len() < login.len() { ":***" } else { "" };
        let mut shown = format!("{scheme}{}{user}{hidden}{host}", if scheme.is_empty() { "" } else { "://" });
        let parameters = query.split('&').filter(|p| !p.is_empty());
        for (index, parameter) in parameters.enumerate() {
            shown.push(if index == 0 { '?' } else { '&' });
            let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
            if name.to_ascii_lowercase().contains("password") {
                shown.push_str(name);
                shown.push_str("=***");
            } else {
                shown.push_str(parameter);
            }
        }
        Self(shown)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            ("postgres://bus:secret@db.example:5432/city", "postgres://bus:***@db.example:5432/city"),
            ("postgres://bus:se@c/r:et@db/city?sslmode=require", "postgres://bus:***@db/city?sslmode=require"),
            ("postgres://db/city?user=bus&password=secret", "postgres://db/city?user=bus&password=***"),
            ("postgres://bus@db/city", "postgres://bus@db/city"),
            ("sqlite:///var/lib/marshrut/store.db", "sqlite:///var/lib/marshrut/store.db"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(Shown::new(url).to_string(), shown);
        }
    }
}
