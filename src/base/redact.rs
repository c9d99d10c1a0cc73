//! Takes out of settings what would open a door. Secrets have no place in settings to begin with; this is the second lock, since a
//! report is sent around.

use serde_json::Value;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";
/// A setting whose name ends so, whatever its case, is a secret.
const SECRET_ENDS: [&str; 8] =
    ["password", "secret", "token", "routingkey", "apikey", "authorization", "webhookurl", "credentials"];

/// The same settings, without values of secret names; of addresses only scheme, host and port: the path of a webhook is its secret.
pub fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, item)| {
                let is_told = item.is_null() || item.is_boolean() || !is_secret(key);
                (key.clone(), if is_told { redacted(item) } else { HIDDEN.into() })
            });
            Value::Object(entries.collect())
        }
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::String(text) => address(text).into(),
        other => other.clone(),
    }
}

fn is_secret(key: &str) -> bool {
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    SECRET_ENDS.iter().any(|end| key.ends_with(end))
}

/// Of an address scheme, host and port; any other text as it is.
fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let is_scheme = !scheme.is_empty()
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    if !is_scheme {
        return text.to_owned();
    }
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if path.contains('@') {
        // A password with a slash in it, or an address that only looks like one.
        return format!("{scheme}://(hidden)");
    }
    let (user, host) = host.rsplit_once('@').map_or(("", host), |(_, host)| ("(hidden)@", host));
    let path = if path.len() > 1 { "/(hidden)" } else { path };
    format!("{scheme}://{user}{host}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secret_names_and_credentials_in_addresses_are_hidden() {
        let config = json!({
            "otlpEndpoint": "https://me:pass@otel.example:4318/v1?key=abc",
            "plain": "http://localhost:4318/",
            "odd": "https://name@host",
            "slash": "https://me:pa/ss@host",
            "text": "50 % :// of it?",
            "deep": [{ "api_key": "k", "smtpPassword": 5, "Auth-Token": ["a"] }],
            "maxTokens": 8000,
            "hasToken": true,
            "secret": null,
        });
        let wanted = json!({
            "otlpEndpoint": "https://(hidden)@otel.example:4318/(hidden)",
            "plain": "http://localhost:4318/",
            "odd": "https://(hidden)@host",
            "slash": "https://(hidden)",
            "text": "50 % :// of it?",
            "deep": [{ "api_key": "(hidden)", "smtpPassword": "(hidden)", "Auth-Token": "(hidden)" }],
            "maxTokens": 8000,
            "hasToken": true,
            "secret": null,
        });
        assert_eq!(redacted(&config), wanted);
    }
}
