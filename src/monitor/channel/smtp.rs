//! Email by SMTP: one connection for each mail.
//!
//! `smtps://` is TLS from the start. `smtp://` uses STARTTLS when the server offers it, and insists on it (with a certificate
//! that is trusted) when there is a password to send to another machine. Without a password STARTTLS takes any certificate:
//! who could show a wrong one could as well hide STARTTLS (RFC 7435).

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::cause::cause;
use super::email::{Addresses, Letter, mailbox};
use super::http::Http;
use super::parcel::Parcel;
use super::report::Outcome;
use super::secrets::{EMAIL_URL, is_loopback, problem};
use super::{Attempt, Channel, Office, text};
use crate::base::error::Problem;

const SUBMISSION_PORT: u16 = 587;
const RELAY_PORT: u16 = 25;
const TLS_PORT: u16 = 465;
/// Of one command; the whole attempt has its own limit.
const COMMAND: Duration = Duration::from_secs(10);
/// For the answer to QUIT.
const GOODBYE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    FromTheStart,
    Required,
    WhenOffered,
}

/// The channel.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Smtp {
    /// The server of `url`: `smtp://user:password@host:port?to=a@example.com,b@example.com&from=c@example.com`.
    pub(super) fn new(url: &Url, addresses: Addresses) -> Result<Self, Vec<Problem>> {
        let wrong = |message: &str| vec![problem(EMAIL_URL, message)];
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if !host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_')) {
            return Err(wrong("must name a host after smtp:// or smtps://"));
        }
        let Addresses { mut from, mut to } = addresses;
        for (key, value) in url.query_pairs() {
            let list: Result<Vec<Mailbox>, _> =
                value.split(',').map(|one| mailbox(EMAIL_URL, one.trim())).collect();
            // The settings go before the address.
            match (&*key, list) {
                ("to", Ok(list)) if to.is_empty() => to = list,
                ("from", Ok(list)) if list.len() == 1 => from = from.or_else(|| list.into_iter().next()),
                ("to", Ok(_)) => {}
                ("to" | "from", _) => return Err(wrong("its ?to= and ?from= must hold email addresses")),
                _ => return Err(wrong("its query may hold to and from only")),
            }
        }
        let decoded = |part: &str| decode(part).ok_or_else(|| wrong("its user or password is not readable"));
        let user = decoded(url.username())?;
        let credentials = match url.password() {
            Some(password) => Some(Credentials::new(user.clone(), decoded(password)?)),
            None => None,
        };
        let from = from.or_else(|| mailbox(EMAIL_URL, &user).ok());
        let (Some(from), false) = (from.clone(), to.is_empty()) else {
            let missing = [("alertEmailFrom", from.is_none()), ("alertEmailTo", to.is_empty())];
            let needed = |path: &str| problem(path, "is needed to send mail by SMTP");
            return Err(missing
                .into_iter()
                .filter(|(_, missing)| *missing)
                .map(|(path, _)| needed(path))
                .collect());
        };
        let (security, port) = match (url.scheme(), credentials.is_some()) {
            ("smtps", _) => (Security::FromTheStart, TLS_PORT),
            (_, true) if is_loopback(url) => (Security::WhenOffered, SUBMISSION_PORT),
            (_, true) => (Security::Required, SUBMISSION_PORT),
            (_, false) => (Security::WhenOffered, RELAY_PORT),
        };
        Ok(Self { host, port: url.port().unwrap_or(port), security, credentials, from, to })
    }

    fn parameters(&self, http: &Http) -> Result<TlsParameters, smtp::Error> {
        let mut parameters = TlsParameters::builder(self.host.clone());
        if self.security == Security::WhenOffered {
            parameters = parameters.dangerous_accept_invalid_certs(true);
        }
        for certificate in http.extra_pem().into_iter().flat_map(|pem| certificates(&pem)) {
            parameters = parameters.add_root_certificate(certificate);
        }
        parameters.build()
    }

    async fn connect(&self, office: &Office<'_>) -> Result<AsyncSmtpConnection, smtp::Error> {
        let hello = match &office.source.host {
            host if is_host_name(host) => ClientId::Domain(host.clone()),
            _ => ClientId::default(),
        };
        let tls = self.parameters(office.http)?;
        let at_once = (self.security == Security::FromTheStart).then(|| tls.clone());
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(COMMAND), &hello, at_once, None).await?;
        let upgrade = match self.security {
            Security::FromTheStart => false,
            Security::Required => true,
            Security::WhenOffered => connection.can_starttls(),
        };
        if upgrade {
            connection.starttls(tls, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }

    /// One mail. Not by the transport of the library: that waits for the answer to QUIT, and a server that never gives it would
    /// turn a success into a failure and the mail into two.
    async fn exchange(&self, mail: &Message, office: &Office<'_>) -> Result<(), smtp::Error> {
        let mut connection = self.connect(office).await?;
        let (envelope, bytes) = (mail.envelope(), mail.formatted());
        let mut parameters = Vec::new();
        if envelope
            .from()
            .into_iter()
            .chain(envelope.to())
            .any(|address| !AsRef::<str>::as_ref(address).is_ascii())
        {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !bytes.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        connection.command(Mail::new(envelope.from().cloned(), parameters)).await?;
        // One address that is not known any more must not keep the mail from the others.
        let (mut accepted, mut refused) = (0, None);
        for to in envelope.to() {
            match connection.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => accepted += 1,
                Err(error) if error.status().is_some() => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) if accepted == 0 => return Err(error),
            Some(_) => tracing::warn!(accepted, "the mail server refused some recipients of alerts"),
            None => {}
        }
        connection.command(Data).await?;
        connection.message(&bytes).await?;
        // It is delivered: how the other side takes the good-bye does not matter, and not within the time of the attempt.
        tokio::spawn(async move { tokio::time::timeout(GOODBYE, connection.quit()).await });
        Ok(())
    }

    fn message(&self, parcel: &Parcel, office: &Office<'_>) -> Option<Message> {
        let letter = Letter::new(parcel, office.source);
        let host = if is_host_name(&office.source.host) { &office.source.host } else { "localhost" };
        let name = |of: &str| {
            let hex = text::hex(&Sha256::digest(of.as_bytes()));
            format!("<{}@{host}>", &hex[..32])
        };
        // The same mail again has the same id: a server that took it already may notice.
        let shown = parcel.shown();
        let said: Vec<String> = shown.iter().map(|one| format!("{:?} {}", one.what, one.alert.id)).collect();
        // Mails about the same alert are one thread.
        let threads: Vec<String> = shown.iter().map(|one| name(&one.alert.id)).collect();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(letter.subject.clone())
            .date(UNIX_EPOCH + Duration::from_millis(office.wall_ms))
            .message_id(Some(name(&said.join("\n"))))
            .references(threads.join(" "));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        builder.multipart(MultiPart::alternative_plain_html(letter.text, letter.html)).ok()
    }
}

impl Channel for Smtp {
    fn send<'a>(&'a self, parcel: &'a Parcel, office: Office<'a>) -> Attempt<'a> {
        Box::pin(async move {
            let Some(mail) = self.message(parcel, &office) else {
                return Outcome::Refused { reason: "the mail cannot be written".into() };
            };
            self.exchange(&mail, &office).await.map_or_else(|error| judge(&error), |()| Outcome::Delivered)
        })
    }
}

/// What a failure means. The server's words are not told: they may quote the user or the password.
fn judge(error: &smtp::Error) -> Outcome {
    let later = |reason: String| Outcome::Later { reason, retry_after_ms: None };
    match error.status() {
        Some(code) if error.is_permanent() => {
            Outcome::Refused { reason: format!("the mail server answered {code}") }
        }
        Some(code) => later(format!("the mail server answered {code}")),
        None if error.is_client() => Outcome::Refused {
            reason: "the mail server does not offer what is needed (STARTTLS, a way to log in, or the characters of an \
                     address)"
                .into(),
        },
        None if error.is_response() => later("the answer is no SMTP".into()),
        None => match cause(error) {
            Some(cause) => later(format!("cannot connect, or the connection broke off: {cause}")),
            None => later("cannot connect, or the connection broke off".into()),
        },
    }
}

/// The certificates of a bundle.
fn certificates(pem: &[u8]) -> Vec<Certificate> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    text.split_inclusive(END).filter_map(|one| Certificate::from_pem(one.as_bytes()).ok()).collect()
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 254
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

/// Percent-decoded; none when it is no text, or text with control characters.
fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str) -> Result<Smtp, Vec<Problem>> {
        Smtp::new(&Url::parse(url).expect(url), Addresses::default())
    }

    #[test]
    fn address_says_host_port_and_security() {
        let people = "?to=a@example.com&from=b@example.com";
        for (url, host, port, security) in [
            ("smtp://mail.example.com", "mail.example.com", 25, Security::WhenOffered),
            ("smtp://u:p@mail.example.com", "mail.example.com", 587, Security::Required),
            ("smtp://u:p@127.0.0.1:2525", "127.0.0.1", 2525, Security::WhenOffered),
            ("smtps://u:p@mail.example.com", "mail.example.com", 465, Security::FromTheStart),
            ("smtps://[::1]:1465/", "::1", 1465, Security::FromTheStart),
        ] {
            let smtp = open(&format!("{url}{people}")).unwrap_or_else(|problems| panic!("{problems:?}"));
            assert_eq!((smtp.host.as_str(), smtp.port), (host, port), "{url}");
            assert!(smtp.security == security, "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_the_user_is_the_sender() {
        let smtp =
            open("smtps://ops%40example.com:p%3A%2Fs@mail.example.com?to=a@example.com,B <b@example.com>");
        let smtp = smtp.unwrap_or_else(|problems| panic!("{problems:?}"));
        let expected = Credentials::new("ops@example.com".into(), "p:/s".into());
        assert!(smtp.credentials == Some(expected));
        assert_eq!((smtp.from.to_string().as_str(), smtp.to.len()), ("ops@example.com", 2));
    }

    #[test]
    fn broken_escapes_are_refused() {
        for (part, text) in
            [("a%20b", Some("a b")), ("%", None), ("%4", None), ("%zz", None), ("%ff", None), ("%0a", None)]
        {
            assert_eq!(decode(part).as_deref(), text, "{part}");
        }
    }
}
