//! Reading the file and the environment, and refusing what is not known.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, KEYS, Mqtt, SECTIONS};

/// File read when none is named and it is there.
const DEFAULT_FILE: &str = "marshrut.toml";
/// Variables that begin like ours but configure the tests.
const TEST_PREFIX: &str = "MARSHRUT_TEST_";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {source}; name another with --config")]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or a value of the wrong type.
    #[error("configuration {place}: {message}")]
    Value {
        /// File or environment variable.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// A key that means nothing.
    #[error("configuration {place}: unknown key `{key}`; did you mean `{nearest}`?")]
    Unknown {
        /// File or environment variable.
        place: String,
        /// The key as written.
        key: String,
        /// The known key most like it.
        nearest: String,
    },
}

/// Reads `file`, or `marshrut.toml` where it is there and no file is named, then lets
/// environment variables override single keys.
pub fn load(file: Option<&Path>, variables: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigError> {
    let default = Path::new(DEFAULT_FILE);
    let file = file.or_else(|| default.exists().then_some(default));
    let mut table = match file {
        Some(file) => read(file)?,
        None => Table::new(),
    };
    if let Some(file) = file {
        refuse_unknown(&table, &file.display().to_string())?;
    }
    for (variable, text) in variables.filter(|(v, _)| v.starts_with("MARSHRUT_") && !v.starts_with(TEST_PREFIX)) {
        set(&mut table, &variable, &text)?;
    }
    let place = file.map_or_else(|| "from the environment".to_owned(), |f| f.display().to_string());
    Value::Table(table)
        .try_into()
        .map_err(|e: toml::de::Error| ConfigError::Value { place, message: e.to_string().trim_end().to_owned() })
}

fn read(file: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read { file: file.to_owned(), source })?;
    text.parse().map_err(|e: toml::de::Error| ConfigError::Value {
        place: file.display().to_string(),
        message: e.to_string().trim_end().to_owned(),
    })
}

fn refuse_unknown(table: &Table, place: &str) -> Result<(), ConfigError> {
    let unknown = |key: String, known: Vec<String>| ConfigError::Unknown {
        place: place.to_owned(),
        nearest: nearest(&key, known),
        key,
    };
    for (section, value) in table {
        if !SECTIONS.iter().any(|(name, _)| name == section) {
            return Err(unknown(section.clone(), SECTIONS.iter().map(|(name, _)| (*name).to_owned()).collect()));
        }
        for name in value.as_table().into_iter().flat_map(Table::keys) {
            if !KEYS.iter().any(|k| k.section == section && k.name == name) {
                return Err(unknown(format!("{section}.{name}"), KEYS.iter().map(super::keys::Key::path).collect()));
            }
        }
    }
    let known = Table::try_from(Mqtt::default()).unwrap_or_default();
    let sources = table.get("gateway").and_then(|g| g.get("mqtt")).and_then(Value::as_array);
    for name in sources.into_iter().flatten().filter_map(Value::as_table).flat_map(Table::keys) {
        if !known.contains_key(name) {
            let all = known.keys().map(|k| format!("gateway.mqtt.{k}")).collect();
            return Err(unknown(format!("gateway.mqtt.{name}"), all));
        }
    }
    Ok(())
}

fn set(table: &mut Table, variable: &str, text: &str) -> Result<(), ConfigError> {
    let place = || format!("variable {variable}");
    let Some(key) = KEYS.iter().find(|k| k.variable() == variable) else {
        let all = KEYS.iter().map(super::keys::Key::variable).collect();
        return Err(ConfigError::Unknown { place: place(), key: variable.to_owned(), nearest: nearest(variable, all) });
    };
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let default = defaults.get(key.section).and_then(|s| s.get(key.name));
    let value = match default {
        Some(Value::String(_)) => Value::String(text.to_owned()),
        _ => format!("value = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut t| t.remove("value"))
            .ok_or_else(|| ConfigError::Value { place: place(), message: format!("`{text}` is no TOML value") })?,
    };
    let section = table.entry(key.section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(key.name.to_owned(), value);
        // Checked alone, so that the message names the variable and not the file.
        let alone =
            Table::from_iter([(key.name.to_owned(), section.get(key.name).cloned().unwrap_or(Value::Boolean(false)))]);
        let whole = Table::from_iter([(key.section.to_owned(), Value::Table(alone))]);
        refuse_unknown(&whole, &place())?;
        Value::Table(whole)
            .try_into::<Config>()
            .map_err(|e| ConfigError::Value { place: place(), message: e.to_string().trim_end().to_owned() })?;
    }
    Ok(())
}

fn nearest(key: &str, known: Vec<String>) -> String {
    known.into_iter().min_by_key(|k| strsim::damerau_levenshtein(k, key)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("marshrut.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file), variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(from("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let config = from(
            "[web]\nlisten = \"0.0.0.0:80\"",
            &[("MARSHRUT_WEB_LISTEN", "127.0.0.1:9000"), ("MARSHRUT_PIPELINE_SHARDS", "3")],
        )
        .unwrap();
        assert_eq!(config.web.listen.port(), 9000);
        assert_eq!(config.pipeline.shards, 3);
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_one() {
        for (text, nearest) in [
            ("[web]\nlissten = 1", "`web.listen`"),
            ("[jurnal]\nx = 1", "`journal`"),
            ("[[gateway.mqtt]]\ntopik = \"a\"", "`gateway.mqtt.topic`"),
        ] {
            let error = from(text, &[]).unwrap_err().to_string();
            assert!(error.contains(nearest), "{error}");
        }
        let error = from("", &[("MARSHRUT_WEB_LISTN", "x")]).unwrap_err().to_string();
        assert!(error.contains("MARSHRUT_WEB_LISTEN"), "{error}");
    }

    #[test]
    fn a_wrong_value_names_its_place() {
        let error = from("[gate]\nmode = \"dark\"", &[]).unwrap_err().to_string();
        assert!(error.contains("marshrut.toml") && error.contains("delayed"), "{error}");
        let error = from("", &[("MARSHRUT_PIPELINE_SHARDS", "many")]).unwrap_err().to_string();
        assert!(error.contains("MARSHRUT_PIPELINE_SHARDS"), "{error}");
    }

    #[test]
    fn a_missing_file_says_so() {
        let error = load(Some(Path::new("/nowhere/m.toml")), std::iter::empty()).unwrap_err().to_string();
        assert!(error.contains("/nowhere/m.toml") && error.contains("--config"), "{error}");
    }
}
