//! Changing a setting in the configuration file. What else stands there, comments too, stays as it is.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table};

/// `text` with `section.key` set to `value`, or without it if there is none.
///
/// # Errors
/// A sentence that says what is in the way.
pub(super) fn edited(text: &str, key: &str, value: Option<&Value>) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let (section, name) = key.split_once('.').ok_or_else(|| format!("{key} is no setting"))?;
    let Some(value) = value else {
        if let Some(table) = document.get_mut(section).and_then(Item::as_table_like_mut) {
            table.remove(name);
        }
        return Ok(document.to_string());
    };
    let value = toml_value(value).ok_or_else(|| format!("{key}: {value} is no value of a setting"))?;
    let table = document.entry(section).or_insert_with(|| Item::Table(Table::new()));
    let table = table.as_table_like_mut().ok_or_else(|| format!("{section} is no table in the file"))?;
    match table.get_mut(name).and_then(Item::as_value_mut) {
        // The comment behind the value stays.
        Some(before) => {
            let decor = before.decor().clone();
            *before = value;
            *before.decor_mut() = decor;
        }
        None => drop(table.insert(name, Item::Value(value))),
    }
    Ok(document.to_string())
}

fn toml_value(value: &Value) -> Option<toml_edit::Value> {
    match value {
        Value::Bool(switch) => Some((*switch).into()),
        Value::Number(number) => number.as_i64().map(Into::into),
        Value::String(text) => Some(text.as_str().into()),
        Value::Array(items) => {
            let items: Option<Array> = items.iter().map(Value::as_str).collect();
            items.map(toml_edit::Value::Array)
        }
        Value::Null | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_wrote_stays_where_it_is() {
        let text =
            "# mine\n[receipts] # of reading\nread = true # as long as I like it\n\n[log]\n# loud\nlevel = \"info\"\n";
        let quiet = edited(text, "receipts.read", Some(&json!(false))).expect("edits");
        assert_eq!(quiet, text.replace("read = true", "read = false"));
        let more = edited(&quiet, "log.format", Some(&json!("json"))).expect("edits");
        assert_eq!(more, format!("{quiet}format = \"json\"\n"));
        let new = edited(text, "groups.max_members", Some(&json!(7))).expect("edits");
        assert!(new.starts_with(text) && new.ends_with("[groups]\nmax_members = 7\n"), "{new}");
        let none = edited(text, "log.level", None).expect("edits");
        assert!(!none.contains("level") && none.contains("as long as I like it"), "{none}");
        assert_eq!(edited(text, "groups.max_members", None).expect("edits"), text);
        let list = edited("", "network.external", Some(&json!(["/ip4/1.2.3.4/tcp/1"]))).expect("edits");
        assert_eq!(list, "[network]\nexternal = [\"/ip4/1.2.3.4/tcp/1\"]\n");
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for value in [json!({"a": 1}), json!([1, 2]), json!(1.5), Value::Null] {
            assert!(edited("", "log.level", Some(&value)).is_err(), "{value}");
        }
        assert!(edited("receipts = 3\n", "receipts.read", Some(&json!(true))).is_err());
        assert!(edited("[receipts\n", "receipts.read", Some(&json!(true))).is_err());
    }
}
