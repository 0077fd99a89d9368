//! The followeds query in differential dataflow, for scripts/bench's `peers`: what ../engine.c does with our engine.
//!
//!     peer-differential USERS UPDATES RESULT
//!
//! The tables are arranged by the columns that the query joins on; who asks is a collection too, as a view's parameter is. Every update is
//! a time of its own, and is done when the outputs have passed it. Writes the flat result before and after to RESULT.before and
//! RESULT.after; prints `name value` lines.

use differential_dataflow::input::{Input, InputSession};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;
use timely::dataflow::operators::probe::Handle;
use timely::dataflow::Scope;

type Time = u32;
type Id = u32;

/// What the outputs have shown so far: names of followeds, and of places by followed and place.
#[derive(Default)]
struct Shown {
    names: HashMap<Id, String>,
    places: HashMap<(Id, Id), String>,
    changes: usize,
}

/// A rename comes as two changes, in any order.
fn show<K: Eq + Hash>(shown: &mut HashMap<K, String>, key: K, name: &str, weight: isize) {
    if weight > 0 {
        shown.insert(key, name.to_string());
    } else if shown.get(&key).is_some_and(|known| known == name) {
        shown.remove(&key);
    }
}

struct Inputs {
    demand: InputSession<Time, Id, isize>,
    users: InputSession<Time, (Id, String), isize>,
    places: InputSession<Time, (Id, String), isize>,
    follows: InputSession<Time, (Id, Id), isize>,
    visits: InputSession<Time, (Id, Id), isize>,
}

impl Inputs {
    fn advance(&mut self, to: Time) {
        macro_rules! each { ($($input:ident)*) => { $(self.$input.advance_to(to); self.$input.flush();)* } }
        each!(demand users places follows visits);
    }

    fn fill(&mut self, count: u64) {
        for id in 1..=count as Id {
            self.users.insert((id, format!("user {id}")));
        }
        for id in 1..=20000 {
            self.places.insert((id, format!("place {id}")));
        }
        for followed in 2..=1001 {
            self.follows.insert((1, followed));
        }
        for user in 2..=count - 99 {
            for k in 0..10 {
                let followed = (user * 7919 + k * 9973) % count + 1;
                self.follows.insert((user as Id, followed as Id));
            }
        }
        for user in 1..=count {
            let most = if (2..=1001).contains(&user) { 15000 } else { 20000 };
            for k in 0..5 {
                let place = (user * 31 + k * 3001) % most + 1;
                self.visits.insert((user as Id, place as Id));
            }
        }
        self.demand.insert(1);
    }
}

/// The query: what user `asking` follows by name, and the places of those by name.
fn dataflow(scope: &Scope<'_, Time>, shown: &Rc<RefCell<Shown>>, probe: &Handle<Time>) -> Inputs {
    let (demand, asking) = scope.new_collection();
    let (users, user_rows) = scope.new_collection();
    let (places, place_rows) = scope.new_collection();
    let (follows, follow_rows) = scope.new_collection();
    let (visits, visit_rows) = scope.new_collection();
    let followeds = asking
        .map(|user| (user, ()))
        .arrange_by_key()
        .join_core(follow_rows.arrange_by_key(), |user, _, followed| Some((*followed, *user)))
        .arrange_by_key();
    let into = shown.clone();
    followeds
        .clone()
        .join_core(user_rows.arrange_by_key(), |followed, user, name: &String| Some((*user, *followed, name.clone())))
        .inspect(move |((_, followed, name), _, weight)| show(&mut into.borrow_mut().names, *followed, name, *weight))
        .probe_with(probe);
    let into = shown.clone();
    followeds
        .join_core(visit_rows.arrange_by_key(), |followed, user, place| Some((*place, (*user, *followed))))
        .arrange_by_key()
        .join_core(place_rows.arrange_by_key(), |place, (user, followed), name: &String| {
            Some((*user, *followed, *place, name.clone()))
        })
        .inspect(move |((_, followed, place, name), _, weight)| {
            let mut shown = into.borrow_mut();
            show(&mut shown.places, (*followed, *place), name, *weight);
            shown.changes += 1;
        })
        .probe_with(probe);
    Inputs { demand, users, places, follows, visits }
}

fn cpu_now() -> f64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Lines `followed<TAB>name<TAB>place<TAB>name`, in order.
fn write_result(shown: &Shown, path: String) {
    let mut rows: Vec<_> = shown.places.iter().collect();
    rows.sort();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for ((followed, place), name) in rows {
        writeln!(file, "{followed}\t{}\t{place}\t{name}", shown.names[followed]).unwrap();
    }
}

fn read_updates(path: &str) -> Vec<(Id, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let pairs = text.lines().map(|line| line.split_once('\t').unwrap());
    pairs.map(|(id, name)| (id.parse().unwrap(), name.to_string())).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let users: u64 = arguments[1].parse().unwrap();
    let updates = read_updates(&arguments[2]);
    let result = arguments[3].clone();
    timely::execute_directly(move |worker| {
        let begin = Instant::now();
        let shown = Rc::new(RefCell::new(Shown::default()));
        let probe = Handle::new();
        let mut inputs = worker.dataflow::<Time, _, _>(|scope| dataflow(&scope, &shown, &probe));
        inputs.fill(users);
        inputs.advance(1);
        worker.step_while(|| probe.less_than(&1));
        println!("load_s {:.3}\nloaded_mb {:.1}", begin.elapsed().as_secs_f64(), resident_mb());
        write_result(&shown.borrow(), format!("{result}.before"));

        let mut names: Vec<String> = (0..=20000).map(|id| format!("place {id}")).collect();
        let mut times = Vec::with_capacity(updates.len());
        let before = (Instant::now(), cpu_now(), shown.borrow().changes);
        let mut last = before.0;
        for (i, (id, name)) in updates.iter().enumerate() {
            let old = std::mem::replace(&mut names[*id as usize], name.clone());
            inputs.places.remove((*id, old));
            inputs.places.insert((*id, name.clone()));
            let next = i as Time + 2;
            inputs.advance(next);
            worker.step_while(|| probe.less_than(&next));
            let now = Instant::now();
            times.push((now - last).as_secs_f64() * 1e6);
            last = now;
        }
        let count = updates.len() as f64;
        println!("change_us {:.3}", (cpu_now() - before.1) / count * 1e6);
        println!("wall_us {:.3}", (last - before.0).as_secs_f64() / count * 1e6);
        times.sort_by(f64::total_cmp);
        println!("p50_us {:.3}\np99_us {:.3}", times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("changes {}\nmemory_mb {:.1}", shown.borrow().changes - before.2, resident_mb());
        write_result(&shown.borrow(), format!("{result}.after"));
    });
}
