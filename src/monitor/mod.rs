//! What an operator wants to know. This version collects one figure, the load of the machine's processors
//! ([`host_cpu`]), and checks the monitor's settings; alerts, channels and exports are not here.

pub mod config;
pub mod host_cpu;

pub use config::MonitoringConfig;
pub use host_cpu::HostCpu;
