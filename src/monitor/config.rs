//! Settings of the production monitor. Says what they are and which are allowed; the monitor decides what they do.
//! Addresses and keys of the channels are secrets of the environment and never stand here.

use serde::Serialize;
use serde_json::Value;

use super::alerts::rule;
use crate::base::config::{Configure, Number, Problems, Section, Text};

/// Half a minute: the replaced package's value.
pub const DEFAULT_HEALTH_CHECK_INTERVAL_MS: u64 = 30_000;
/// A week, so that the same weekday can be compared; the replaced package's value.
pub const DEFAULT_METRICS_RETENTION_DAYS: f64 = 7.0;
/// Memory and CPU: leaves a fifth to act in; the replaced package's value.
pub const DEFAULT_WARNING_PERCENT: f64 = 80.0;
/// Memory and CPU: the replaced package's value, and where the memory manager is critical too.
pub const DEFAULT_CRITICAL_PERCENT: f64 = 95.0;
/// The replaced package's value.
pub const DEFAULT_CACHE_HIT_RATE_WARNING_PERCENT: f64 = 60.0;
/// The replaced package's value.
pub const DEFAULT_DISK_USAGE_WARNING_PERCENT: f64 = 85.0;

/// The replaced package's value.
pub const DEFAULT_METRICS_INTERVAL_MS: u64 = 10_000;
/// Only this machine is let in, unless somebody decides otherwise.
pub const DEFAULT_METRICS_HOST: &str = "127.0.0.1";
/// What the OpenTelemetry SDKs export at.
pub const DEFAULT_OTLP_INTERVAL_MS: u64 = 60_000;

/// From what a test needs to an hour: fewer samples would say nothing of an incident.
const METRICS_INTERVAL_MS: Number = Number::whole(100.0, 3_600_000.0, "ms");
const OTLP_INTERVAL_MS: Number = Number::whole(1_000.0, 3_600_000.0, "ms");
/// 0: any free one.
const PORT: Number = Number::whole(0.0, 65_535.0, "");

/// From a quarter of an hour to ten years.
const RETENTION_DAYS: Number = Number::real(0.01, 3650.0, "days");

/// From when on there is an alert, in %; each 0 to 100, and a warning is not above its critical threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertThresholds {
    /// `memoryWarning`: memory in use, warning over it. Default 80.
    pub memory_warning: f64,
    /// `memoryCritical`: memory in use, critical over it. Default 95.
    pub memory_critical: f64,
    /// `cacheHitRateWarning`: hits among look-ups, warning under it. Default 60.
    pub cache_hit_rate_warning: f64,
    /// `cpuWarning`: CPU in use, warning over it. Default 80.
    pub cpu_warning: f64,
    /// `cpuCritical`: CPU in use, critical over it. Default 95.
    pub cpu_critical: f64,
    /// `diskUsageWarning`: disk in use, warning over it. Default 85.
    pub disk_usage_warning: f64,
}

impl Default for AlertThresholds {
    fn default() -> Self {
        Self {
            memory_warning: DEFAULT_WARNING_PERCENT,
            memory_critical: DEFAULT_CRITICAL_PERCENT,
            cache_hit_rate_warning: DEFAULT_CACHE_HIT_RATE_WARNING_PERCENT,
            cpu_warning: DEFAULT_WARNING_PERCENT,
            cpu_critical: DEFAULT_CRITICAL_PERCENT,
            disk_usage_warning: DEFAULT_DISK_USAGE_WARNING_PERCENT,
        }
    }
}

impl Configure for AlertThresholds {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.number("memoryWarning", Number::PERCENT, &mut self.memory_warning);
        section.number("memoryCritical", Number::PERCENT, &mut self.memory_critical);
        section.number("cacheHitRateWarning", Number::PERCENT, &mut self.cache_hit_rate_warning);
        section.number("cpuWarning", Number::PERCENT, &mut self.cpu_warning);
        section.number("cpuCritical", Number::PERCENT, &mut self.cpu_critical);
        section.number("diskUsageWarning", Number::PERCENT, &mut self.disk_usage_warning);
    }

    fn check(&self, path: &str, problems: &mut Problems) {
        let memory = [("memoryWarning", self.memory_warning), ("memoryCritical", self.memory_critical)];
        let cpu = [("cpuWarning", self.cpu_warning), ("cpuCritical", self.cpu_critical)];
        for [warning, critical] in [memory, cpu] {
            problems.require_not_above(path, warning, critical);
        }
    }
}

/// Settings of the production monitor. In JSON also `environment`, which is checked and ignored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of the public API")]
pub struct MonitoringConfig {
    /// `alertsEnabled`: whether alerts are raised at all. Default true.
    pub alerts_enabled: bool,
    /// `alertThresholds`: from when on; an update may give some of them.
    pub alert_thresholds: AlertThresholds,
    /// `healthCheckInterval`: ms between health checks. Default 30,000, whole, 10 to 2,147,483,647.
    #[serde(rename = "healthCheckInterval")]
    pub health_check_interval_ms: u64,
    /// `metricsRetention`: days metrics are kept. Default 7, 0.01 to 3650.
    #[serde(rename = "metricsRetention")]
    pub metrics_retention_days: f64,
    /// `enableSlackAlerts`: whether alerts go to Slack; needs `SLACK_WEBHOOK_URL`. Default false.
    pub enable_slack_alerts: bool,
    /// `enableEmailAlerts`: whether alerts go out by email; needs `EMAIL_SERVICE_API`. Default false.
    pub enable_email_alerts: bool,
    /// `console`: whether each alert is a line on stderr. Default true.
    pub console: bool,
    /// `metricsInterval`: ms between samples. Default 10,000, whole, 100 to 3,600,000.
    #[serde(rename = "metricsInterval")]
    pub metrics_interval_ms: u64,
    /// `persistMetrics`: whether metrics and alerts are kept on disk, in `monitor/` of the cache directory. Default true.
    pub persist_metrics: bool,
    /// `alertRules`: rules besides the built-in ones, as JSON; one with the id of a built-in rule takes its place. Default none.
    pub alert_rules: Vec<Value>,
    /// `enableWebhookAlerts`: whether alerts are posted to `ALERT_WEBHOOK_URL`. Default false.
    pub enable_webhook_alerts: bool,
    /// `enablePagerDutyAlerts`: whether alerts go to `PagerDuty`; needs `PAGERDUTY_ROUTING_KEY`. Default false.
    pub enable_pager_duty_alerts: bool,
    /// `alertEmailFrom`: sender of emails. Default: `agentwise-optimization@` and the host's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_email_from: Option<String>,
    /// `alertEmailTo`: who gets them. Default none.
    pub alert_email_to: Vec<String>,
    /// `metricsPort`: port of the server of `/metrics`, `/healthz` and `/readyz`, 0 for any free one. Default: no server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_port: Option<u64>,
    /// `metricsHost`: address that it listens on; any but this machine's own needs `METRICS_TOKEN`. Default `127.0.0.1`.
    pub metrics_host: String,
    /// `enableOtlpExport`: whether metrics are sent by OTLP over HTTP. Default false.
    pub enable_otlp_export: bool,
    /// `otlpEndpoint`: base address of the collector. Default: as the `OTEL_EXPORTER_OTLP_*` variables say, else
    /// `http://localhost:4318`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    /// `otlpInterval`: ms between exports. Default 60,000, whole, 1,000 to 3,600,000.
    #[serde(rename = "otlpInterval")]
    pub otlp_interval_ms: u64,
}

impl Default for MonitoringConfig {
    fn default() -> Self {
        Self {
            alerts_enabled: true,
            alert_thresholds: AlertThresholds::default(),
            health_check_interval_ms: DEFAULT_HEALTH_CHECK_INTERVAL_MS,
            metrics_retention_days: DEFAULT_METRICS_RETENTION_DAYS,
            enable_slack_alerts: false,
            enable_email_alerts: false,
            console: true,
            metrics_interval_ms: DEFAULT_METRICS_INTERVAL_MS,
            persist_metrics: true,
            alert_rules: Vec::new(),
            enable_webhook_alerts: false,
            enable_pager_duty_alerts: false,
            alert_email_from: None,
            alert_email_to: Vec::new(),
            metrics_port: None,
            metrics_host: DEFAULT_METRICS_HOST.to_owned(),
            enable_otlp_export: false,
            otlp_endpoint: None,
            otlp_interval_ms: DEFAULT_OTLP_INTERVAL_MS,
        }
    }
}

impl Configure for MonitoringConfig {
    fn apply(&mut self, section: &mut Section<'_>) {
        section.flag("alertsEnabled", &mut self.alerts_enabled);
        section.section("alertThresholds", |inner| self.alert_thresholds.apply(inner));
        section.whole("healthCheckInterval", Number::INTERVAL_MS, &mut self.health_check_interval_ms);
        section.number("metricsRetention", RETENTION_DAYS, &mut self.metrics_retention_days);
        section.flag("enableSlackAlerts", &mut self.enable_slack_alerts);
        section.flag("enableEmailAlerts", &mut self.enable_email_alerts);
        section.flag("console", &mut self.console);
        section.whole("metricsInterval", METRICS_INTERVAL_MS, &mut self.metrics_interval_ms);
        section.flag("persistMetrics", &mut self.persist_metrics);
        section.objects("alertRules", &mut self.alert_rules, rule::check);
        section.flag("enableWebhookAlerts", &mut self.enable_webhook_alerts);
        section.flag("enablePagerDutyAlerts", &mut self.enable_pager_duty_alerts);
        section.text("alertEmailFrom", Text::Any, &mut self.alert_email_from);
        section.texts("alertEmailTo", &mut self.alert_email_to);
        section.optional_whole("metricsPort", PORT, &mut self.metrics_port);
        let mut host = Some(self.metrics_host.clone());
        section.text("metricsHost", Text::Any, &mut host);
        self.metrics_host = host.unwrap_or_default();
        section.flag("enableOtlpExport", &mut self.enable_otlp_export);
        section.text("otlpEndpoint", Text::HttpAddress, &mut self.otlp_endpoint);
        section.whole("otlpInterval", OTLP_INTERVAL_MS, &mut self.otlp_interval_ms);
        section.ignored_environment();
    }

    fn check(&self, path: &str, problems: &mut Problems) {
        self.alert_thresholds.check(&Section::path_of(path, "alertThresholds"), problems);
        let texts =
            [("metricsHost", Some(&self.metrics_host)), ("alertEmailFrom", self.alert_email_from.as_ref())];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
        let receivers =
            self.alert_email_to.iter().enumerate().map(|(at, text)| (format!("alertEmailTo.{at}"), text));
        for (name, _) in texts.chain(receivers).filter(|(_, text)| text.contains(char::is_control)) {
            problems.add(&Section::path_of(path, &name), "must hold no control characters");
        }
        // Settings are shown; what is secret in the environment is not.
        if self.otlp_endpoint.as_deref().is_some_and(|address| address.contains(['@', '?', '#'])) {
            problems.add(
                &Section::path_of(path, "otlpEndpoint"),
                "must hold neither a user nor a query: give keys in OTEL_EXPORTER_OTLP_HEADERS",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thresholds_are_updated_one_by_one() {
        let old = MonitoringConfig::default();
        let new = old.updated("", &json!({ "alertThresholds": { "cpuWarning": 50 }, "console": false }));
        let alert_thresholds = AlertThresholds { cpu_warning: 50.0, ..AlertThresholds::default() };
        assert_eq!(new.expect("sound"), MonitoringConfig { alert_thresholds, console: false, ..old });
    }

    #[test]
    fn warning_above_critical_is_refused() {
        let value = json!({ "alertThresholds": { "memoryWarning": 96, "cpuCritical": 79 } });
        let error = MonitoringConfig::default().updated("monitoring", &value).expect_err("contradiction");
        let found: Vec<_> = error.problems().iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
        assert_eq!(
            found,
            [
                ("monitoring.alertThresholds.memoryWarning", "must not be above memoryCritical (95), got 96"),
                ("monitoring.alertThresholds.cpuWarning", "must not be above cpuCritical (79), got 80"),
            ]
        );
    }

    #[test]
    fn refused_threshold_is_not_compared() {
        let value = json!({ "alertThresholds": { "memoryWarning": 99, "memoryCritical": "100" } });
        let error = MonitoringConfig::default().updated("", &value).expect_err("a string");
        assert_eq!(error.problems().len(), 1);
        assert_eq!(error.problems()[0].path, "alertThresholds.memoryCritical");
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (key, value) in [
            ("healthCheckInterval", json!(0)),
            ("metricsRetention", json!(0)),
            ("metricsRetention", json!(4000)),
            ("console", json!(null)),
            ("alertThresholds", json!([])),
        ] {
            let error = MonitoringConfig::default().updated("", &json!({ key: value })).expect_err(key);
            assert_eq!(error.problems()[0].path, key);
        }
    }
}
