//! What the recorder tells: how it goes on, and at the end everything.

use wirerace_contract::distribution::Distribution;
use wirerace_contract::results::{ClientReport, LoadUsage, QuoteCounts, Traffic};

use super::{Progress, Recorder};

impl Recorder {
    fn traffic(&self) -> Traffic {
        Traffic {
            connections_dialled: self.counters.dialled(),
            dials_unclear: self.counters.dials_unclear(),
            dials_starved: self.counters.dials_starved(),
            requests: self.counters.requests(),
            requests_unanswered: self.counters.requests_unanswered(),
            polls_planned: self.traffic.polls_issued + self.traffic.polls_skipped,
            ..self.traffic
        }
    }

    /// Running totals at `now_ns`.
    #[must_use]
    pub fn progress(&self, now_ns: u64) -> Progress {
        let live = self.live.as_ref().filter(|live| !live.is_empty());
        let staleness = self.staleness.so_far();
        Progress {
            offset_ns: self.start_ns.map_or(0, |start_ns| now_ns.saturating_sub(start_ns)),
            connected: self.connected,
            received: self.all.received,
            lateness_p50_ns: live.map(|live| live.value_at_quantile(0.5)),
            lateness_p99_ns: live.map(|live| live.value_at_quantile(0.99)),
            staleness_mean_ns: staleness.map(|(mean_ns, _)| mean_ns),
            wrong_price_share: staleness.map(|(_, share)| share),
            traffic: self.traffic(),
        }
    }

    /// The counts over the whole life and in the window, with what is still ahead of each client booked as lost.
    fn accounts(&self, clients: u64) -> (QuoteCounts, QuoteCounts) {
        let (mut all, mut in_window) = (self.all, self.in_window);
        let Some(window) = self.window else {
            // Without a window nothing was promised: what came is what was planned.
            let planned = all.received + all.superseded;
            return (QuoteCounts { planned, lost: 0, ..all }, in_window);
        };
        for client in &self.clients {
            let (lost, lost_in_window) = self.counted(client.ahead(window.last_seq), window.last_seq);
            all.lost += lost;
            in_window.lost += lost_in_window;
        }
        all.planned = window.last_seq * clients;
        in_window.planned = (window.last_seq + 1).saturating_sub(window.first_seq) * clients;
        (all, in_window)
    }

    /// The report. To be asked once, when all clients have left.
    pub fn report(&mut self, process: LoadUsage) -> ClientReport {
        let clients = self.clients.len() as u32;
        let present = self.present();
        let connected = self.connected_at_start.unwrap_or(present);
        let window = self.window.unwrap_or_default();
        let (quotes, window_quotes) = self.accounts(u64::from(clients));
        // Where no published time is known there is nothing that a lost quote could be missing from.
        let transit_lost = if self.transit.is_empty() { 0 } else { window_quotes.lost };
        ClientReport {
            clients,
            clients_connected: connected,
            // Stopped before it was settled, nobody has been refused yet.
            clients_refused: self.connected_at_start.map_or(0, |connected| clients.saturating_sub(connected)),
            clients_gave_up: connected.saturating_sub(present),
            clients_cut: self.cut,
            window,
            quotes,
            window_quotes,
            lateness: Distribution::of(&self.lateness, window_quotes.lost),
            transit: Distribution::of(&self.transit, transit_lost),
            spread: Distribution::of(self.ring.spread(), 0),
            staleness: self.staleness.finish(&mut self.plan),
            traffic: self.traffic(),
            plan_error: Distribution::of(&self.plan_error, 0),
            exchange: Distribution::of(&self.exchange, 0),
            orders: self.orders.report(),
            process,
            errors: self.errors.clone(),
            // Not the recorder's: noted by the client itself.
            events: None,
        }
    }
}
