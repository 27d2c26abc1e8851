//! The example file `deploy/marshrut.example.toml`, written from the declarations.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::{Config, KEYS, SECTIONS};

/// A configuration file with every key, its explanation, its environment variable and its
/// default, commented out.
pub fn example() -> String {
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let mut out = String::from("# marshrut: every setting with its default. Uncomment what you change.\n");
    for (section, about) in SECTIONS {
        let _ = write!(out, "\n{}[{section}]\n", commented(about));
        for key in KEYS.iter().filter(|k| k.section == *section) {
            let default = defaults.get(*section).and_then(|s| s.get(key.name)).cloned();
            let default = default.unwrap_or_else(|| Value::String(String::new()));
            let _ = write!(out, "{}# {}\n#{} = {}\n", commented(key.doc), key.variable(), key.name, inline(&default));
        }
    }
    out
}

fn commented(doc: &str) -> String {
    let lines: Vec<_> = doc.lines().map(|line| format!("# {}", line.trim())).collect();
    lines.join("\n") + "\n"
}

fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let inner: Vec<_> = table.iter().map(|(k, v)| format!("{k} = {v}")).collect();
            format!("{{ {} }}", inner.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/marshrut.example.toml");

    /// Run with `MARSHRUT_TEST_WRITE=1` to write the file anew.
    #[test]
    fn the_example_in_deploy_is_the_one_generated() {
        if std::env::var_os("MARSHRUT_TEST_WRITE").is_some() {
            std::fs::write(FILE, example()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(FILE).unwrap(), example());
    }

    #[test]
    fn uncommented_it_is_the_default_configuration() {
        let text: String = example()
            .lines()
            .filter_map(|line| match line.strip_prefix('#') {
                Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => Some(format!("{setting}\n")),
                Some(_) => None,
                None => Some(format!("{line}\n")),
            })
            .collect();
        let config: Config = toml::from_str(&text).unwrap();
        assert_eq!(config, Config::default());
    }
}
