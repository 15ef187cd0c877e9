//! The quantities of a summary: what each is called, its unit, how arms are compared in it, and how it is read
//! off a trial. One table, so that charts, tables, CSV and verdicts use the same words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::{Layers, Margins, Measured, Orders, Trial};

use crate::statistics::Scale;

const NS_PER_MS: f64 = 1e6;
/// What counts as equal for bytes, lateness and counts: ± 3 %.
pub const MARGIN: f64 = 0.03;
/// What counts as equal for CPU time: ± 10 %.
pub const MARGIN_CPU: f64 = 0.10;

macro_rules! quantities {
    ($( $variant:ident $code:literal $title:literal $unit:literal $compared:expr; )+) => {
        /// Something that each trial gives one value of.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
        pub enum Quantity {
            $( #[doc = concat!($title, ", in ", $unit, ".")] #[serde(rename = $code)] $variant, )+
        }

        impl Quantity {
            /// All of them, in the order of tables and files.
            pub const ALL: &[Self] = &[$( Self::$variant, )+];

            /// The word used in files.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }

            /// What people call it.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )+ }
            }

            /// Its unit.
            #[must_use]
            pub const fn unit(self) -> &'static str {
                match self { $( Self::$variant => $unit, )+ }
            }

            /// How arms are compared in it and what share counts as equal; `None` where they are not.
            #[must_use]
            pub const fn compared(self) -> Option<(Scale, f64)> {
                match self { $( Self::$variant => $compared, )+ }
            }
        }
    };
}

const DIFFERENCE: Option<(Scale, f64)> = Some((Scale::Difference, MARGIN));
const RATIO: Option<(Scale, f64)> = Some((Scale::Ratio, MARGIN));
const RATIO_CPU: Option<(Scale, f64)> = Some((Scale::Ratio, MARGIN_CPU));

quantities! {
    LatenessP50 "lateness_p50" "median lateness" "ms" DIFFERENCE;
    LatenessP99 "lateness_p99" "lateness at the 99th percentile" "ms" DIFFERENCE;
    LatenessMean "lateness_mean" "mean lateness" "ms" DIFFERENCE;
    ExchangeP50 "exchange_p50" "median time of an exchange, poll issued to quotes in hand" "ms" DIFFERENCE;
    TransitP50 "transit_p50" "median transit" "ms" None;
    TransitMultiple "transit_multiple" "median transit over the least possible" "times" None;
    PublisherLatenessP99 "publisher_lateness_p99" "publisher lateness at the 99th percentile" "ms" None;
    StalenessMean "excess_staleness_mean" "mean excess staleness" "ms" DIFFERENCE;
    StalenessP99 "excess_staleness_p99" "excess staleness at the 99th percentile of time" "ms" DIFFERENCE;
    WrongPrice "wrong_price_share" "time with a wrong price" "%" None;
    PacketBytes "packet_bytes_per_quote" "packet bytes per quote" "bytes" RATIO;
    ApplicationBytes "application_bytes_per_quote" "application bytes per quote" "bytes" RATIO;
    SteadyPacketBytes "steady_packet_bytes_per_quote" "packet bytes per quote without set-up" "bytes" None;
    SteadyApplicationBytes "steady_application_bytes_per_quote" "application bytes per quote without set-up" "bytes" None;
    SetUpShare "set_up_share" "set-up's share of all bytes" "%" None;
    DownPayload "to_client_payload_per_quote" "payload to client per quote" "bytes" None;
    DownFraming "to_client_framing_per_quote" "framing to client per quote" "bytes" None;
    DownHeads "to_client_heads_per_quote" "HTTP heads to client per quote" "bytes" None;
    DownTcpIpData "to_client_tcp_ip_data_per_quote" "TCP/IP heads of data segments to client per quote" "bytes" None;
    DownTcpIpBare "to_client_tcp_ip_bare_per_quote" "segments without data to client per quote" "bytes" None;
    DownSentAgain "to_client_sent_again_per_quote" "sent again and options to client per quote" "bytes" None;
    UpPayload "to_server_payload_per_quote" "payload to server per quote" "bytes" None;
    UpFraming "to_server_framing_per_quote" "framing to server per quote" "bytes" None;
    UpHeads "to_server_heads_per_quote" "HTTP heads to server per quote" "bytes" None;
    UpTcpIpData "to_server_tcp_ip_data_per_quote" "TCP/IP heads of data segments to server per quote" "bytes" None;
    UpTcpIpBare "to_server_tcp_ip_bare_per_quote" "segments without data to server per quote" "bytes" None;
    UpSentAgain "to_server_sent_again_per_quote" "sent again and options to server per quote" "bytes" None;
    PacketRate "packet_bytes_per_second_per_client" "packet bytes per second and client" "B/s" RATIO;
    ApplicationRate "application_bytes_per_second_per_client" "application bytes per second and client" "B/s" RATIO;
    Connections "connections_per_100_quotes" "connections per 100 quotes" "count" RATIO;
    Requests "requests_per_100_quotes" "requests per 100 quotes" "count" RATIO;
    ConnectionsPerClient "connections_per_client" "connections per client" "count" None;
    Upgrades "upgrades_per_100_connections" "upgrades per 100 connections" "count" None;
    SkippedPolls "skipped_polls_share" "planned polls left out" "%" None;
    UpstreamBodies "upstream_body_bytes_per_client" "bytes of orders per client" "bytes" None;
    EmptyPolls "empty_polls_share" "answers without a quote" "%" None;
    OwnCpuRate "own_cpu_per_second_per_client" "server's and load's CPU per second and client" "µs/s" RATIO_CPU;
    OwnCpu "own_cpu_per_quote" "server's and load's CPU per quote" "µs" RATIO_CPU;
    MachineCpu "machine_cpu_per_quote" "whole machine's CPU per quote" "µs" RATIO_CPU;
    ServerCpu "server_cpu_per_quote" "server's CPU per quote" "µs" RATIO_CPU;
    LoadCpu "load_cpu_per_quote" "load's CPU per quote" "µs" None;
    ServerMemory "server_memory" "server's resident memory" "MiB" RATIO;
    CpuRate "machine_cpu_per_second_per_client" "whole machine's CPU per second and client" "µs/s" RATIO_CPU;
    OrderLatencyP50 "order_latency_p50" "median time from an order's plan to its acknowledgement" "ms" DIFFERENCE;
    OrderLatencyP99 "order_latency_p99" "time to an order's acknowledgement at the 99th percentile" "ms" DIFFERENCE;
    OrdersPlanned "planned_orders" "orders planned within the window" "count" None;
    OrdersUnsent "unsent_orders" "orders of the window never sent" "count" None;
    OrdersLost "lost_orders" "orders of the window sent and lost" "count" None;
    Unacknowledged "unacknowledged_orders" "orders of the window without an acknowledgement" "count" None;
    Lost "lost_quotes" "lost quotes" "count" None;
    Duplicates "duplicate_quotes" "duplicate quotes" "count" None;
    Reconnects "reconnects" "reconnects" "count" None;
    Refused "refused_clients" "clients refused" "count" None;
    GaveUp "gave_up_clients" "clients that gave up" "count" None;
}

impl Quantity {
    /// As [`Self::compared`], with an experiment's own margins where it has some.
    #[must_use]
    pub fn compared_within(self, margins: Margins) -> Option<(Scale, f64)> {
        let (scale, usual) = self.compared()?;
        let own = match self {
            Self::OwnCpu | Self::OwnCpuRate | Self::MachineCpu | Self::ServerCpu | Self::CpuRate => margins.cpu,
            _ if scale == Scale::Difference => margins.lateness,
            _ => margins.bytes,
        };
        Some((scale, own.unwrap_or(usual)))
    }

    /// Whether it is counted and not timed: the same on a busy machine, its range over trials taken instead of the interval
    /// of a median. Bytes above TCP and counts are the same whenever the same quotes are sent. Bytes of packets are not: how
    /// many segments and acknowledgements there are depends on when the kernel finds time, and so does which polls are
    /// left out or empty.
    #[must_use]
    pub fn is_counted(self) -> bool {
        let of_packets = matches!(
            self,
            Self::PacketBytes
                | Self::SteadyPacketBytes
                | Self::DownTcpIpData
                | Self::DownTcpIpBare
                | Self::UpTcpIpData
                | Self::UpTcpIpBare
                | Self::DownSentAgain
                | Self::UpSentAgain
        );
        matches!(self.unit(), "bytes" | "count") && !of_packets
    }

    /// Its value in one trial: infinite where lost quotes make it so, `None` where it was not measured or does
    /// not apply. [`Self::TransitMultiple`] is `None` here: it needs the run's calibration, which a trial does not know.
    #[must_use]
    pub fn of(self, trial: &Trial, measured: &Measured) -> Option<f64> {
        let value = match self {
            Self::LatenessP50 => late_ms(&measured.client.lateness, |d| d.p50_ns),
            Self::LatenessP99 => late_ms(&measured.client.lateness, |d| d.p99_ns),
            Self::LatenessMean => mean_ms(&measured.client.lateness),
            Self::ExchangeP50 => late_ms(&measured.client.exchange, |d| d.p50_ns),
            Self::TransitP50 => late_ms(&measured.client.transit, |d| d.p50_ns),
            Self::PublisherLatenessP99 => late_ms(&measured.publisher_lateness, |d| d.p99_ns),
            Self::OrderLatencyP50 => late_ms(&measured.client.orders.latency, |d| d.p50_ns),
            Self::OrderLatencyP99 => late_ms(&measured.client.orders.latency, |d| d.p99_ns),
            Self::OrdersPlanned | Self::OrdersUnsent | Self::OrdersLost | Self::Unacknowledged => {
                self.orders(trial, &measured.client.orders)
            }
            Self::StalenessMean => Some(measured.client.staleness.mean_ns / NS_PER_MS),
            Self::StalenessP99 => Some(measured.client.staleness.p99_ns as f64 / NS_PER_MS),
            Self::WrongPrice => Some(100.0 * measured.client.staleness.wrong_price_share),
            Self::CpuRate => cpu_rate(trial, measured),
            Self::EmptyPolls => empty_share(trial, measured),
            Self::ConnectionsPerClient | Self::Upgrades | Self::SkippedPolls | Self::UpstreamBodies => {
                self.conduct(trial, measured)
            }
            Self::OwnCpuRate => {
                let us = (measured.cpu.server_us + measured.cpu.load_us) as f64;
                per(us, measured.cpu.wall_us as f64 / 1e6 * f64::from(trial.load.clients))
            }
            Self::Connections | Self::Requests => self.per_100(measured),
            Self::OwnCpu | Self::MachineCpu | Self::ServerCpu | Self::LoadCpu => self.cpu_us(measured),
            Self::ServerMemory => {
                let bytes = measured.server.window_end.process.resident_bytes;
                // 0 is how a system says that it does not tell.
                (bytes > 0).then_some(bytes as f64 / f64::from(1 << 20))
            }
            Self::Lost => Some(measured.client.quotes.lost as f64),
            Self::Duplicates => Some(measured.client.quotes.duplicates as f64),
            Self::Reconnects => Some(measured.client.traffic.reconnects as f64),
            Self::Refused => of_clients(measured, measured.client.clients_refused),
            Self::GaveUp => of_clients(measured, measured.client.clients_gave_up),
            _ => self.bytes(trial, measured),
        };
        value.filter(|v| !v.is_nan())
    }

    /// Of the orders planned within the window.
    fn orders(self, trial: &Trial, orders: &Orders) -> Option<f64> {
        // Older files do not count their plan: there it is not known what was never sent.
        let counted = orders.window_planned > 0;
        let count = match self {
            Self::OrdersPlanned => counted.then_some(orders.window_planned),
            Self::OrdersUnsent => counted.then_some(orders.window_unsent),
            Self::OrdersLost => counted.then_some(orders.window_lost),
            _ => Some(orders.window_planned.max(orders.window_issued).saturating_sub(orders.window_acknowledged)),
        };
        count.filter(|_| trial.load.orders_per_s > 0.0).map(|count| count as f64)
    }

    fn per_100(self, measured: &Measured) -> Option<f64> {
        let (meter, traffic) = (&measured.server.closed.meter, &measured.client.traffic);
        // A meter that was switched off counts nothing; the clients' own count is the next best.
        let count = match (self, meter.enabled) {
            (Self::Connections, true) => meter.connections_accepted,
            (Self::Connections, false) => traffic.connections_dialled,
            (_, true) => meter.requests,
            (_, false) => traffic.requests,
        };
        per(100.0 * count as f64, measured.client.quotes.received as f64)
    }

    /// What clients did, apart from taking quotes.
    fn conduct(self, trial: &Trial, measured: &Measured) -> Option<f64> {
        let (meter, traffic) = (&measured.server.closed.meter, &measured.client.traffic);
        let clients = f64::from(trial.load.clients);
        match self {
            Self::ConnectionsPerClient => per(traffic.connections_dialled as f64, clients),
            Self::Upgrades => per(100.0 * meter.upgrades as f64, meter.connections_accepted as f64),
            Self::SkippedPolls => per(100.0 * traffic.polls_skipped as f64, traffic.polls_planned as f64),
            Self::UpstreamBodies => per(meter.body_bytes_in as f64, clients),
            _ => None,
        }
    }

    fn cpu_us(self, measured: &Measured) -> Option<f64> {
        if measured.cpu.wall_us == 0 {
            return None;
        }
        let us = match self {
            Self::OwnCpu => measured.cpu.server_us + measured.cpu.load_us,
            Self::MachineCpu => measured.cpu.machine_us?,
            Self::ServerCpu => measured.cpu.server_us,
            _ => measured.cpu.load_us,
        };
        per(us as f64, measured.client.window_quotes.received as f64)
    }

    fn bytes(self, trial: &Trial, measured: &Measured) -> Option<f64> {
        let (down, up, set_up) = (&measured.ledger.to_client, &measured.ledger.to_server, &measured.ledger.set_up);
        let application = (down.application() + up.application()) as f64;
        let steady_application = application - set_up.application() as f64;
        let packets = Layers::packets(down).zip(up.packets()).map(|(down, up)| (down + up) as f64);
        let steady_packets = packets.zip(set_up.packets()).map(|(all, set_up)| all - set_up as f64);
        let total = match self {
            Self::PacketBytes => packets?,
            Self::ApplicationBytes => application,
            Self::SteadyPacketBytes => steady_packets?,
            Self::SteadyApplicationBytes => steady_application,
            Self::DownPayload => down.payload as f64,
            Self::DownFraming => down.framing as f64,
            Self::DownHeads => down.heads as f64,
            Self::DownTcpIpData => down.tcp_ip_data? as f64,
            Self::DownTcpIpBare => down.tcp_ip_bare? as f64,
            Self::DownSentAgain => down.sent_again? as f64,
            Self::UpPayload => up.payload as f64,
            Self::UpFraming => up.framing as f64,
            Self::UpHeads => up.heads as f64,
            Self::UpTcpIpData => up.tcp_ip_data? as f64,
            Self::UpTcpIpBare => up.tcp_ip_bare? as f64,
            Self::UpSentAgain => up.sent_again? as f64,
            Self::SetUpShare => {
                let (part, whole) = match packets.zip(set_up.packets()) {
                    Some((all, set_up)) => (set_up as f64, all),
                    None => (set_up.application() as f64, application),
                };
                return per(100.0 * part, whole);
            }
            Self::PacketRate => return rate(trial, measured, steady_packets?),
            Self::ApplicationRate => return rate(trial, measured, steady_application),
            _ => return None,
        };
        per(total, measured.client.quotes.received as f64)
    }
}

/// Older files do not count their clients: there it is not known, and not nought.
fn of_clients(measured: &Measured, count: u32) -> Option<f64> {
    (measured.client.clients > 0).then_some(f64::from(count))
}

/// `None` instead of a division by zero.
fn per(amount: f64, count: f64) -> Option<f64> {
    (count > 0.0).then_some(amount / count)
}

fn late_ms(
    distribution: &wirerace_contract::distribution::Distribution,
    pick: impl Fn(&wirerace_contract::distribution::Distribution) -> Option<u64>,
) -> Option<f64> {
    match pick(distribution) {
        Some(ns) => Some(ns as f64 / NS_PER_MS),
        // Nothing measured is nothing; something expected and lost is infinitely late.
        None => (distribution.count + distribution.lost > 0 && distribution.lost > 0).then_some(f64::INFINITY),
    }
}

/// `None` without a measurement; lost quotes make a mean infinite.
fn mean_ms(distribution: &wirerace_contract::distribution::Distribution) -> Option<f64> {
    if distribution.lost > 0 { Some(f64::INFINITY) } else { Some(distribution.mean_ns? / NS_PER_MS) }
}

/// Percentage of answers without a quote: of the polls issued where polls are planned, of the requests where they
/// are held; does not apply where quotes are pushed.
fn empty_share(trial: &Trial, measured: &Measured) -> Option<f64> {
    let traffic = &measured.client.traffic;
    let asked = match trial.descriptor.delivers {
        Delivers::Planned => traffic.polls_issued,
        Delivers::Held => traffic.requests,
        Delivers::Pushed => return None,
    };
    per(100.0 * traffic.polls_empty as f64, asked as f64)
}

/// Bytes per second and client between "all connected" and "every client has the last quote", which is the span
/// that bytes without set-up belong to.
fn rate(trial: &Trial, measured: &Measured, bytes: f64) -> Option<f64> {
    let (from_ns, to_ns) = (measured.server.connected.taken_ns, measured.server.drained.taken_ns);
    let span_s = to_ns.saturating_sub(from_ns) as f64 / 1e9;
    // Refused clients move no bytes. Older files do not count theirs: none was refused there.
    let clients = if measured.client.clients > 0 { measured.client.clients_connected } else { trial.load.clients };
    per(bytes, span_s * f64::from(clients))
}

/// CPU of the window by second and client, where quotes may be none: the machine's, or where arms share it (or the system
/// does not tell) nothing.
fn cpu_rate(trial: &Trial, measured: &Measured) -> Option<f64> {
    let window_s = measured.cpu.wall_us as f64 / 1e6;
    per(measured.cpu.machine_us? as f64, window_s * f64::from(trial.load.clients))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_may_have_margins_of_its_own() {
        let margins = Margins { bytes: Some(0.01), lateness: Some(0.05), cpu: None };
        let within = |quantity: Quantity| quantity.compared_within(margins).map(|(_, margin)| margin);
        assert_eq!(within(Quantity::PacketBytes), Some(0.01));
        assert_eq!(within(Quantity::StalenessMean), Some(0.05));
        assert_eq!(within(Quantity::ServerCpu), Some(MARGIN_CPU));
        assert_eq!(within(Quantity::WrongPrice), None, "what is not compared has no margin");
    }

    #[test]
    fn codes_are_unique_and_the_ones_in_the_files() {
        let mut codes: Vec<_> = Quantity::ALL.iter().map(|q| q.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Quantity::ALL.len());
        assert_eq!(serde_json::to_string(&Quantity::PacketBytes).unwrap(), "\"packet_bytes_per_quote\"");
    }
}
