//! The harness: what a row is, how it is measured, and the command line.

use std::future::Future;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

/// Nanoseconds per operation, or whatever else the row measures.
#[derive(Clone, Copy)]
pub struct Figures {
    pub wall: f64,
    pub cpu: f64,
    pub operations: usize,
}

type Measure = Box<dyn Fn(&Runtime, usize) -> Figures>;

pub struct Row {
    name: &'static str,
    n: usize,
    measure: Measure,
}

impl Row {
    /// A row that measures itself.
    pub fn new(
        name: &'static str,
        n: usize,
        measure: impl Fn(&Runtime, usize) -> Figures + 'static,
    ) -> Self {
        Row {
            name,
            n,
            measure: Box::new(measure),
        }
    }

    /// Work too long to repeat: does about n operations and returns how many.
    pub fn once<F>(name: &'static str, n: usize, work: fn(usize) -> F) -> Self
    where
        F: Future<Output = usize> + Send + 'static,
    {
        Row::new(name, n, move |runtime, n| timed(runtime, work, n))
    }

    /// A warm-up, then 3 to 15 repetitions, as many as 150 ms take; the medians.
    pub fn repeated<F>(name: &'static str, n: usize, work: fn(usize) -> F) -> Self
    where
        F: Future<Output = usize> + Send + 'static,
    {
        Row::new(name, n, move |runtime, n| {
            timed(runtime, work, n);
            let began = Instant::now();
            let mut runs = Vec::new();
            while runs.len() < 3
                || (runs.len() < 15 && began.elapsed() < Duration::from_millis(150))
            {
                runs.push(timed(runtime, work, n));
            }
            Figures {
                wall: median(runs.iter().map(|run| run.wall).collect()),
                cpu: median(runs.iter().map(|run| run.cpu).collect()),
                operations: runs[0].operations,
            }
        })
    }
}

/// Runs the work in a task, as a program's own coroutines are.
fn timed<F>(runtime: &Runtime, work: fn(usize) -> F, n: usize) -> Figures
where
    F: Future<Output = usize> + Send + 'static,
{
    let (wall, cpu) = (Instant::now(), cpu_time());
    let operations = runtime
        .block_on(async { tokio::spawn(work(n)).await })
        .unwrap();
    let (used_cpu, used_wall) = (cpu_time() - cpu, wall.elapsed());
    let each = |used: Duration| used.as_nanos() as f64 / operations as f64;
    Figures {
        wall: each(used_wall),
        cpu: each(used_cpu),
        operations,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn cpu_time() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to `now`, and nowhere else.
    let error = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(error, 0);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// In bytes. Not from getrusage: its figure would start from that of the process that started
/// this one.
pub fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

pub fn main(rows: &[Row]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.first().map_or("", String::as_str);
    let names = || rows.iter().map(|row| row.name).collect::<Vec<_>>();
    if wanted == "--list" {
        println!("{}", names().join("\n"));
        return ExitCode::SUCCESS;
    }
    let row = match rows.iter().find(|row| row.name == wanted) {
        Some(row) => row,
        None => {
            eprintln!("no row {:?}; there are: {}", wanted, names().join(" "));
            return ExitCode::from(2);
        }
    };
    let n = arguments
        .get(1)
        .map_or(row.n, |n| n.parse().expect("the number of operations"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let figures = (row.measure)(&runtime, n);
    println!(
        "{}\t{:.3}\t{:.3}\t{}",
        row.name, figures.wall, figures.cpu, figures.operations
    );
    ExitCode::SUCCESS
}
