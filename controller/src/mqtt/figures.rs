//! The bus in the metrics: read from its own counters whenever somebody asks.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::Bus;

/// Shows the bus among the figures of the process.
pub fn register(registry: &mut Registry, bus: Bus) {
    registry.register_collector(Box::new(BusFigures(bus)));
}

#[derive(Debug)]
struct BusFigures(Bus);

impl Collector for BusFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = self.0.status();
        let counts = status.counts;
        let gauges = [
            ("mqtt_connected", "Whether the broker answers", i64::from(status.connected)),
            ("mqtt_sessions", "Sessions open at the gate", i64::try_from(status.sessions).unwrap_or(i64::MAX)),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let counters = [
            ("mqtt_accepted", "Connections that passed the login", counts.accepted),
            ("mqtt_refused_logins", "Logins refused", counts.refused_logins),
            ("mqtt_refused_by_limits", "Connections refused by a limit", counts.refused_by_limits),
            ("mqtt_denied", "Publishes, subscriptions and wills not allowed", counts.denied),
            ("mqtt_kicked", "Sessions ended from our side", counts.kicked),
            ("mqtt_restarts", "How often the broker came back", counts.restarts),
            ("mqtt_messages_in", "Messages received from clients", counts.messages_in),
            ("mqtt_bytes_in", "Bytes of payload received from clients", counts.bytes_in),
            ("mqtt_messages_out", "Messages handed to the broker", counts.messages_out),
            ("mqtt_publish_failures", "Messages refused because the broker was away or full", counts.publish_failures),
            ("mqtt_malformed", "Malformed packets", counts.malformed),
            ("mqtt_throttled", "Times a client was held back", counts.throttled),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_is_among_the_figures() {
        let mut registry = Registry::with_prefix("hiji");
        register(&mut registry, Bus::none());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("hiji_mqtt_connected 0") && text.contains("hiji_mqtt_messages_in_total 0"), "{text}");
    }
}
