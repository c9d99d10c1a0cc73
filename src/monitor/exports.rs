//! The server of metrics and the export by OTLP: started, stopped and changed as the settings say.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::channel::{ChannelSettings, Source};
use super::config::MonitoringConfig;
use super::export::{Exported, MetricsServer, OtlpExporter, OtlpSettings, OtlpStatus, Token};
use super::production_monitor::Monitor;
use crate::base::config::Environment;
use crate::base::error::{Error, Problem, Result};

/// Secret that clients of the server must have.
const METRICS_TOKEN: &str = "METRICS_TOKEN";
/// How long a stop waits for the last export.
const LAST_EXPORT: Duration = Duration::from_secs(2);
/// How long a question waits for one that is being started.
const BRIEFLY: Duration = Duration::from_millis(5);
/// A server or an export that could not be started is tried again after this long, ms.
const AGAIN_MS: u64 = 60_000;

/// Something that runs as settings `W` ask for.
struct Part<T, W> {
    wanted: Option<W>,
    running: Option<T>,
    /// Why it does not run.
    failure: Option<String>,
    /// Monotonic ms from which what failed is tried again.
    again_ms: u64,
}

impl<T, W> Default for Part<T, W> {
    fn default() -> Self {
        Self { wanted: None, running: None, failure: None, again_ms: 0 }
    }
}

impl<T, W: PartialEq> Part<T, W> {
    /// Starts it, or another in its place, when that is wanted. Gives why it could not be started, once.
    fn keep_up(
        &mut self,
        wanted: W,
        now_ms: u64,
        start: impl FnOnce(&W) -> Result<Option<T>>,
    ) -> Option<String> {
        let is_new = self.wanted.as_ref() != Some(&wanted);
        if !is_new && (self.failure.is_none() || now_ms < self.again_ms) {
            return None;
        }
        // The same address again: the old one goes first.
        self.running = None;
        match start(&wanted) {
            Ok(running) => (self.running, self.failure) = (running, None),
            Err(error) => (self.failure, self.again_ms) = (Some(error.to_string()), now_ms + AGAIN_MS),
        }
        self.wanted = Some(wanted);
        self.failure.clone().filter(|_| is_new)
    }
}

/// Where to, if the settings say it, and how often, ms.
type Collector = (Option<String>, u64);

/// What runs. Each part's lock is held while it is started.
#[derive(Default)]
pub(super) struct Exports {
    server: Mutex<Part<MetricsServer, (Option<u64>, String)>>,
    otlp: Mutex<Part<OtlpExporter, Option<Collector>>>,
}

const SERVER: &str = "metricsPort";
const OTLP: &str = "enableOtlpExport";

impl Exports {
    /// The same as [`Self::serve`] on a thread that must not wait: a name that must be looked up is left to the monitor's.
    pub(super) fn serve_at_once(&self, monitor: &Arc<Monitor>) -> Vec<(&'static str, String)> {
        let is_known = {
            let config = monitor.config.read();
            config.metrics_host == "localhost" || config.metrics_host.parse::<IpAddr>().is_ok()
        };
        if is_known { self.serve(monitor) } else { Vec::new() }
    }

    /// Starts, changes or ends the server as the settings ask for. Gives the setting and why it could not be started, once.
    fn serve(&self, monitor: &Arc<Monitor>) -> Vec<(&'static str, String)> {
        let config = monitor.config();
        let wanted = (config.metrics_port, config.metrics_host);
        let start = |(port, host): &(Option<u64>, String)| start_server(monitor, *port, host);
        let failure = self.server.lock().keep_up(wanted, monitor.clock.now_ms(), start);
        failure.into_iter().map(|message| (SERVER, message)).collect()
    }

    /// The same of the server and the export. Takes a tenth of a second for certificates: on the monitor's thread.
    pub(super) fn keep_up(&self, monitor: &Arc<Monitor>) -> Vec<(&'static str, String)> {
        let mut failures = self.serve(monitor);
        let config = monitor.config();
        let wanted = config.enable_otlp_export.then_some((config.otlp_endpoint, config.otlp_interval_ms));
        let failure = self
            .otlp
            .lock()
            .keep_up(wanted, monitor.clock.now_ms(), |wanted| start_otlp(monitor, wanted.as_ref()));
        failures.extend(failure.map(|message| (OTLP, message)));
        failures
    }

    /// What could not be started.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let of = |(path, failure): (&str, Option<String>)| {
            failure.map(|message| Problem { path: path.to_owned(), message })
        };
        let server = self.server.try_lock_for(BRIEFLY).and_then(|server| server.failure.clone());
        let otlp = self.otlp.try_lock_for(BRIEFLY).and_then(|otlp| otlp.failure.clone());
        let failures = [(SERVER, server), (OTLP, otlp)];
        failures.into_iter().filter_map(of).collect()
    }

    /// `exporter` of the status.
    pub(super) fn status(&self, config: &MonitoringConfig) -> Value {
        // Held while one is started, which may take a look-up of a name: until then there is none.
        let server = self.server.try_lock_for(BRIEFLY);
        let url = server.and_then(|server| server.running.as_ref().map(MetricsServer::url));
        let otlp = config.enable_otlp_export.then(|| {
            let Some(otlp) = self.otlp.try_lock_for(BRIEFLY) else { return OtlpStatus::default() };
            let not_running = || OtlpStatus { last_error: otlp.failure.clone(), ..OtlpStatus::default() };
            otlp.running.as_ref().map_or_else(not_running, OtlpExporter::status)
        });
        json!({ "url": url, "otlp": otlp })
    }

    /// Sends what is to be sent and ends it.
    pub(super) fn close(&self) {
        let (server, otlp) = (self.server.lock().running.take(), self.otlp.lock().running.take());
        if let Some(otlp) = otlp {
            if let Err(error) = otlp.flush(LAST_EXPORT) {
                tracing::warn!(code = error.kind().code(), "the last metrics were not exported");
            }
            otlp.close();
        }
        if let Some(server) = server {
            server.close();
        }
    }
}

fn start_server(monitor: &Arc<Monitor>, port: Option<u64>, host: &str) -> Result<Option<MetricsServer>> {
    let Some(port) = port else { return Ok(None) };
    let port = u16::try_from(port).expect("invariant: a checked port");
    let token = monitor.variables.get(METRICS_TOKEN).map(|text| Token::new(text)).transpose()?;
    MetricsServer::start(&monitor.net, host, port, token, exported(monitor)).map(Some)
}

fn start_otlp(monitor: &Arc<Monitor>, wanted: Option<&Collector>) -> Result<Option<OtlpExporter>> {
    let Some((endpoint, interval_ms)) = wanted else { return Ok(None) };
    let settings =
        OtlpSettings::from_variables(&monitor.variables, endpoint.as_deref()).map_err(Error::config)?;
    let client = monitor.channels.client()?;
    OtlpExporter::start(&monitor.net, client, settings, *interval_ms, exported(monitor)).map(Some)
}

fn exported(monitor: &Arc<Monitor>) -> Weak<dyn Exported> {
    let weak: Weak<Monitor> = Arc::downgrade(monitor);
    weak
}

/// Which channels are on, and who they say alerts are from.
pub(super) fn channel_settings(
    config: &MonitoringConfig,
    environment: Environment,
    project: Option<&str>,
) -> ChannelSettings {
    ChannelSettings {
        console: config.console,
        slack: config.enable_slack_alerts,
        email: config.enable_email_alerts,
        webhook: config.enable_webhook_alerts,
        pagerduty: config.enable_pager_duty_alerts,
        email_from: config.alert_email_from.clone(),
        email_to: config.alert_email_to.clone(),
        source: Source {
            environment: environment.name().to_owned(),
            project: project.map(str::to_owned),
            host: host_name(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    }
}

/// What the machine calls itself.
pub(crate) fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    if name.is_empty() { "localhost".to_owned() } else { name }
}
