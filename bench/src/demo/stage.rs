//! What goes on: the knobs, the run, and who is there. All pages look at the same stage.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use wirerace_contract::meter::ControlSnapshot;
use wirerace_contract::quote::{PRICE_UNITS, SYMBOLS};
use wirerace_contract::spec::Path;

use super::cross_origin::CrossOrigin;
use super::knobs::Knobs;
use super::lanes::{Lane, Lanes, START_LEAD};
use super::recorded::{Facts, LaneFacts};
use super::seats::{Role, Seat, Seats};
use crate::failure::Failure;

/// A run ends by itself after this long: nobody has to remember it. A page's longest window is ten minutes, and it opens
/// only when the page's lanes stand.
const RUN_MAX: Duration = Duration::from_secs(660);
/// How often pages are told what the meters show.
const METERS_EACH: Duration = Duration::from_millis(250);

/// The stage. Clones share it.
#[derive(Clone)]
pub(super) struct Stage(Arc<Shared>);

struct Shared {
    host: IpAddr,
    pages: CrossOrigin,
    scene: Mutex<Scene>,
    /// Counts changes of the scene.
    changes: watch::Sender<u64>,
    /// The newest message with the meters.
    meters: watch::Sender<Arc<str>>,
}

/// What all pages are told, and what it is told from.
pub(super) struct Scene {
    pub(super) knobs: Knobs,
    /// Said about the last change of the knobs.
    notes: Vec<String>,
    /// Number of the run, 0 before the first.
    pub(super) run: u64,
    pub(super) running: bool,
    /// The run that ended last; 0 before the first.
    ended: u64,
    /// What was answered to the page that sent the run which is over; `None` from each start until then.
    result: Option<Value>,
    pub(super) lanes: Lanes,
    record: Record,
    seats: Seats,
    alarm: Option<AbortHandle>,
}

/// What is kept of the run for its file.
#[derive(Default)]
struct Record {
    /// The knobs, as they were when it ended or are now.
    knobs: Knobs,
    started_utc: String,
    /// What was changed on the way, a sentence each.
    changed: Vec<String>,
    /// When the last of it was, nanoseconds since the epoch's start.
    settled_ns: u64,
    /// All meters when the first quote could be due.
    connected: Vec<ControlSnapshot>,
}

impl Stage {
    /// A stage whose lanes listen at `host` and wait for the first run. To be called within a runtime.
    ///
    /// # Errors
    /// When the lanes cannot be opened.
    pub(super) fn open(host: IpAddr, pages: CrossOrigin) -> Result<Self, Failure> {
        let knobs = Knobs::default();
        let scene = Scene {
            lanes: Lanes::open(&knobs, host, pages)?,
            knobs,
            notes: Vec::new(),
            run: 0,
            running: false,
            ended: 0,
            result: None,
            record: Record::default(),
            seats: Seats::default(),
            alarm: None,
        };
        let (changes, meters) = (watch::Sender::new(0), watch::Sender::new(Arc::from("")));
        let stage = Self(Arc::new(Shared { host, pages, scene: Mutex::new(scene), changes, meters }));
        tokio::spawn(stage.clone().tell_meters());
        Ok(stage)
    }

    /// A look at the scene, or a change that pages need not be told of. Never held over an `await`.
    pub(super) fn scene(&self) -> MutexGuard<'_, Scene> {
        // Nothing that is done under the lock leaves it half done.
        self.0.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of each change of the scene.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Tells what the meters show.
    pub(super) fn meters(&self) -> watch::Receiver<Arc<str>> {
        self.0.meters.subscribe()
    }

    fn changed(&self) {
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// A place for a page; `None` when all are taken.
    pub(super) fn enter(&self, is_here: bool) -> Option<Seat> {
        self.seated(|seats| seats.enter(is_here))
    }

    /// The page is gone.
    pub(super) fn leave(&self, seat: Seat) {
        self.seated(|seats| seats.leave(seat));
    }

    /// Gives control to who asks for it, if it is free.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub(super) fn claim(&self, seat: Seat) -> Result<(), String> {
        self.seated(|seats| seats.claim(seat))
    }

    /// Pages are told only when control went to somebody or became free: all else is not in what they are told.
    fn seated<T>(&self, change: impl FnOnce(&mut Seats) -> T) -> T {
        let mut scene = self.scene();
        let before = scene.seats.is_controlled();
        let done = change(&mut scene.seats);
        let is_other = scene.seats.is_controlled() != before;
        drop(scene);
        if is_other {
            self.changed();
        }
        done
    }

    /// The page does without control.
    pub(super) fn give_up(&self, seat: Seat) {
        self.seated(|seats| seats.give_up(seat));
    }

    /// What the page may do.
    pub(super) fn role(&self, seat: Seat) -> Role {
        self.scene().seats.role(seat)
    }

    /// Turns knobs. What needs another stream goes over to a new run at once.
    ///
    /// # Errors
    /// When a knob does not exist or its value is of another kind.
    pub(super) fn set(&self, wanted: &Map<String, Value>) -> Result<(), String> {
        let mut scene = self.scene();
        let change = scene.knobs.with(wanted)?;
        let anew = scene.running && scene.knobs.needs_another_stream(&change.knobs);
        if scene.running && !anew {
            scene.note_changes(&change.knobs);
            scene.record.knobs = change.knobs.clone();
        }
        let before = std::mem::replace(&mut scene.knobs, change.knobs);
        scene.notes = change.notes;
        if !anew {
            scene.lanes.set_delay(scene.knobs.delay());
        } else if let Err(why) = self.begin(&mut scene) {
            scene.knobs = before;
            scene.notes.push(format!("The knobs stay as they were, since no new run could begin: {why}."));
        }
        drop(scene);
        self.changed();
        Ok(())
    }

    /// A new run with the knobs as they are.
    ///
    /// # Errors
    /// When its lanes cannot be opened; the run before goes on then.
    pub(super) fn start(&self) -> Result<(), String> {
        let mut scene = self.scene();
        scene.notes.clear();
        self.begin(&mut scene)?;
        drop(scene);
        self.changed();
        Ok(())
    }

    /// Ends the run, if one is going on.
    pub(super) fn stop(&self) {
        let mut scene = self.scene();
        let run = scene.run;
        scene.end(run);
        drop(scene);
        self.changed();
    }

    /// Run `run` has its verdict, which pages that come later are told, too. One that goes on, or that another has
    /// followed, has no more to tell.
    pub(super) fn judged(&self, run: u64, result: Value) {
        let mut scene = self.scene();
        if scene.run != run || scene.running {
            return;
        }
        scene.result = Some(result);
        drop(scene);
        self.changed();
    }

    fn begin(&self, scene: &mut Scene) -> Result<(), String> {
        // Connections of the run before have its distance, or the one that was set after it.
        let patience = scene.record.knobs.path().patience().max(scene.knobs.path().patience());
        let lanes = Lanes::open(&scene.knobs, self.0.host, self.0.pages).map_err(|failure| failure.to_string())?;
        let before = std::mem::replace(&mut scene.lanes, lanes);
        scene.lanes.start();
        scene.run += 1;
        scene.running = true;
        scene.result = None;
        scene.record = Record { knobs: scene.knobs.clone(), started_utc: crate::utc::now(), ..Record::default() };
        tokio::spawn(before.retire(patience));
        let (stage, run) = (self.clone(), scene.run);
        let alarm = tokio::spawn(async move {
            tokio::time::sleep(START_LEAD).await;
            stage.scene().note_connected(run);
            tokio::time::sleep(RUN_MAX).await;
            stage.scene().end(run);
            stage.changed();
        });
        scene.silence();
        scene.alarm = Some(alarm.abort_handle());
        Ok(())
    }

    /// Tells the meters as long as somebody listens.
    async fn tell_meters(self) {
        let mut ticks = tokio::time::interval(METERS_EACH);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let scene = self.scene();
            let told = (!scene.seats.is_empty()).then(|| scene.meters().to_string());
            drop(scene);
            if let Some(told) = told {
                self.0.meters.send_replace(told.into());
            }
        }
    }
}

impl Scene {
    fn end(&mut self, run: u64) {
        if self.run == run && std::mem::take(&mut self.running) {
            self.lanes.stop();
            self.ended = self.run;
            self.silence();
        }
    }

    /// Nobody waits any more for the end of a run that has ended.
    fn silence(&mut self) {
        self.alarm.take().iter().for_each(AbortHandle::abort);
    }

    /// The number of the run that ended last.
    pub(super) fn ended(&self) -> u64 {
        self.ended
    }

    /// The first quote of the run may be due from now on.
    fn note_connected(&mut self, run: u64) {
        if self.run == run {
            self.record.connected = self.lanes.snapshots();
        }
    }

    fn note_changes(&mut self, to: &Knobs) {
        let now_ns = self.lanes.now_ns();
        let at_s = now_ns as f64 / 1e9;
        for (what, from, to) in [
            ("round trip (ms)", self.knobs.rtt_ms, to.rtt_ms),
            ("poll interval (ms)", f64::from(self.knobs.interval_ms), f64::from(to.interval_ms)),
            ("cookie (bytes)", f64::from(self.knobs.cookie_bytes), f64::from(to.cookie_bytes)),
        ] {
            if from != to {
                self.record.changed.push(format!("{what} {from} → {to} at {at_s:.1} s"));
                self.record.settled_ns = now_ns.max(0) as u64;
            }
        }
    }

    /// What the server knows of run `run`.
    ///
    /// # Errors
    /// When it is not the last, or has not begun.
    pub(super) fn facts(&self, run: u64) -> Result<Facts, String> {
        if run != self.run {
            return Err(format!("run {run} is not the last one, which is {}: only that can be taken", self.run));
        }
        let begun = self.lanes.start_ns().zip(u64::try_from(self.lanes.now_ns()).ok());
        let Some((start_ns, now_ns)) = begun.filter(|_| self.record.connected.len() == self.lanes.all().len()) else {
            return Err("the run has not begun: start one first".to_owned());
        };
        let record = &self.record;
        let all = self.lanes.all().iter().zip(&record.connected).zip(self.lanes.snapshots());
        let lanes = all.map(|((lane, connected), now)| LaneFacts {
            entry: lane.entry.clone(),
            connected: connected.clone(),
            now,
        });
        Ok(Facts {
            knobs: record.knobs.clone(),
            feed: self.lanes.feed.clone(),
            started_utc: record.started_utc.clone(),
            start_ns,
            now_ns,
            newest: self.lanes.newest(),
            settled_ns: record.settled_ns,
            changed: record.changed.clone(),
            published: self.lanes.published(),
            feed_slice_us: self.lanes.feed_slice_us(),
            congestion_control: self.lanes.congestion_control(),
            lanes: lanes.collect(),
        })
    }

    /// The state as one page is told it: what it may do, and where lanes are by the name under which it reaches them.
    pub(super) fn state(&self, seat: Seat, host: &str) -> Value {
        let role = self.seats.role(seat);
        let lane = |lane: &Lane| {
            let descriptor = &lane.entry.descriptor;
            json!({
                "id": lane.entry.arm.name,
                "title": descriptor.title,
                "colour": descriptor.colour,
                "dash": descriptor.dash,
                "marker": descriptor.marker,
                "delivers": descriptor.delivers,
                "connection": lane.entry.arm.connection,
                "url": format!("http://{host}:{}", lane.port(role)),
                "paths": lane.paths(),
            })
        };
        json!({ "state": {
            "role": role.name(),
            "controlled": self.seats.is_controlled(),
            "run": self.run,
            "running": self.running,
            "result": self.result,
            "run_max_s": RUN_MAX.as_secs(),
            "epoch": self.lanes.epoch(),
            "now_ns": self.lanes.now_ns(),
            "knobs": self.knobs,
            "limits": Knobs::limits(),
            "lanes": self.lanes.all().iter().map(lane).collect::<Vec<_>>(),
            "path": if self.knobs.path() == Path::Loopback { "loopback" } else { "delayed" },
            "notes": self.notes,
            "feed": {
                "symbols": SYMBOLS[..SYMBOLS.len().min(usize::from(self.lanes.feed.symbols))],
                "price_scale": PRICE_UNITS,
            },
        }})
    }

    fn meters(&self) -> Value {
        let lanes: Map<String, Value> =
            self.lanes.all().iter().map(|lane| (lane.entry.arm.name.clone(), lane.told())).collect();
        json!({ "meters": {
            "run": self.run,
            "now_ns": self.lanes.now_ns(),
            "newest_seq": self.lanes.newest(),
            "lanes": lanes,
            "watchers": self.seats.watchers(),
        }})
    }
}
