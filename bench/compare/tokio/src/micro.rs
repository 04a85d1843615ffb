//! The micro benchmark on tokio's current_thread runtime.

mod rows;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use rows::{peak_memory, Figures, Row};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, Mutex, Notify};
use tokio::task::{self, spawn_blocking, yield_now, JoinHandle};
use tokio::time::{sleep, Sleep};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

async fn one() -> usize {
    1
}

#[inline(never)]
fn boxed_one() -> Boxed<usize> {
    Box::pin(one())
}

fn fib(k: usize) -> Boxed<usize> {
    Box::pin(async move {
        if k < 2 {
            k
        } else {
            fib(k - 1).await + fib(k - 2).await
        }
    })
}

async fn yields(n: usize) -> usize {
    for _ in 0..n {
        yield_now().await;
    }
    n
}

async fn sum(tasks: Vec<JoinHandle<usize>>) -> usize {
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

/// Milliseconds below 1,000, the same ones in every run (xorshift, by Marsaglia).
fn random_delays() -> impl Iterator<Item = Duration> {
    let mut state = 42_u32;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        Duration::from_millis(u64::from(state % 1000))
    })
}

/// Polls a sleep once, so that it is among the runtime's timers.
struct Register<'a>(Pin<&'a mut Sleep>);

impl Future for Register<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        Poll::Ready(self.0.as_mut().poll(context).is_pending())
    }
}

async fn await_ready(n: usize) -> usize {
    let mut sum = 0;
    for _ in 0..n {
        sum += boxed_one().await;
    }
    assert_eq!(sum, n);
    n
}

/// fib(k) takes 2 * fib(k + 1) - 1 calls; k is the largest that takes no more than n.
async fn fib_calls(n: usize) -> usize {
    let (mut k, mut value, mut next) = (0, 0, 1);
    while 2 * (value + next) - 1 <= n {
        (k, value, next) = (k + 1, next, value + next);
    }
    assert_eq!(fib(k).await, value);
    2 * next - 1
}

async fn create_task(n: usize) -> usize {
    let mut sum = 0;
    for _ in 0..n {
        sum += tokio::spawn(one()).await.unwrap();
    }
    assert_eq!(sum, n);
    n
}

async fn create_all(n: usize) -> usize {
    assert_eq!(sum((0..n).map(|_| tokio::spawn(one())).collect()).await, n);
    n
}

async fn yield_1(n: usize) -> usize {
    assert_eq!(tokio::spawn(yields(n)).await.unwrap(), n);
    n
}

async fn yield_1000(n: usize) -> usize {
    let all = sum((0..1000).map(|_| tokio::spawn(yields(n / 1000))).collect()).await;
    assert_eq!(all, n / 1000 * 1000);
    all
}

async fn sleeps(n: usize) -> usize {
    let sleeper = |delay| async move {
        sleep(delay).await;
        1
    };
    let tasks = random_delays()
        .take(n)
        .map(|delay| tokio::spawn(sleeper(delay)))
        .collect();
    assert_eq!(sum(tasks).await, n);
    n
}

async fn timer_cancel(n: usize) -> usize {
    // The budget of a task would have all but the first 128 polls do nothing.
    task::unconstrained(async move {
        let mut timers = Vec::with_capacity(n);
        for delay in random_delays().take(n) {
            let mut timer = Box::pin(sleep(Duration::from_secs(1) + delay));
            assert!(Register(timer.as_mut()).await);
            timers.push(timer);
        }
        drop(timers);
        n
    })
    .await
}

async fn threadsafe(n: usize) -> usize {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let poster = thread::spawn(move || {
        for _ in 0..n {
            sender.send(1).unwrap();
        }
    });
    let mut sum = 0;
    while let Some(post) = receiver.recv().await {
        sum += post;
    }
    poster.join().unwrap();
    assert_eq!(sum, n);
    n
}

async fn to_thread(n: usize) -> usize {
    let home = thread::current().id();
    let mut away = 0;
    for _ in 0..n {
        away += usize::from(spawn_blocking(|| thread::current().id()).await.unwrap() != home);
    }
    assert_eq!(away, n);
    n
}

/// Tasks that sleep for 100 s, all of which have begun to.
async fn sleepers(n: usize) -> Vec<JoinHandle<()>> {
    let started = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::with_capacity(n);
    for _ in 0..n {
        let started = started.clone();
        tasks.push(tokio::spawn(async move {
            started.fetch_add(1, Relaxed);
            sleep(Duration::from_secs(100)).await;
        }));
    }
    while started.load(Relaxed) < n {
        yield_now().await;
    }
    tasks
}

async fn cancel(n: usize) -> usize {
    let tasks = sleepers(n).await;
    for task in &tasks {
        task.abort();
    }
    let mut cancelled = 0;
    for task in tasks {
        cancelled += usize::from(task.await.unwrap_err().is_cancelled());
    }
    assert_eq!(cancelled, n);
    n
}

async fn timeout(n: usize) -> usize {
    let mut sum = 0;
    for _ in 0..n {
        sum += tokio::time::timeout(Duration::from_secs(10), boxed_one())
            .await
            .unwrap();
    }
    assert_eq!(sum, n);
    n
}

/// One of so many users, none of whom may be more than a turn ahead of another.
async fn lock_user(lock: Arc<Mutex<usize>>, users: usize, n: usize) {
    for turn in 1..=n {
        let mut count = lock.lock().await;
        *count += 1;
        assert!(turn < n || *count > users * (n - 1));
    }
}

async fn lock_free(n: usize) -> usize {
    let lock = Arc::new(Mutex::new(0));
    lock_user(lock.clone(), 1, n).await;
    assert_eq!(*lock.lock().await, n);
    n
}

/// Once all have queued up, every lock() waits: the Mutex is fair.
async fn lock_handed(n: usize) -> usize {
    let lock = Arc::new(Mutex::new(0));
    let held = lock.lock().await;
    let tasks: Vec<_> = (0..100)
        .map(|_| tokio::spawn(lock_user(lock.clone(), 100, n / 100)))
        .collect();
    yield_now().await;
    drop(held);
    for task in tasks {
        task.await.unwrap();
    }
    let count = *lock.lock().await;
    assert_eq!(count, n / 100 * 100);
    count
}

async fn queue_pingpong(n: usize) -> usize {
    let (sender, mut receiver) = mpsc::channel(1);
    let producer = tokio::spawn(async move {
        for _ in 0..n {
            sender.send(1).await.unwrap();
        }
    });
    let consumer = tokio::spawn(async move {
        let mut sum = 0;
        while let Some(item) = receiver.recv().await {
            sum += item;
        }
        sum
    });
    producer.await.unwrap();
    assert_eq!(consumer.await.unwrap(), n);
    n
}

async fn event_set(n: usize) -> usize {
    let event = Arc::new(Notify::new());
    let count = Arc::new(AtomicUsize::new(0));
    let waiter = |event: Arc<Notify>, count: Arc<AtomicUsize>| async move {
        for _ in 0..n / 1000 {
            event.notified().await;
            count.fetch_add(1, Relaxed);
        }
    };
    let tasks: Vec<_> = (0..1000)
        .map(|_| tokio::spawn(waiter(event.clone(), count.clone())))
        .collect();
    yield_now().await;
    for round in 1..=n / 1000 {
        event.notify_waiters();
        while count.load(Relaxed) < 1000 * round {
            yield_now().await;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let count = count.load(Relaxed);
    assert_eq!(count, n / 1000 * 1000);
    count
}

fn memory(runtime: &Runtime, n: usize) -> Figures {
    let before = peak_memory();
    let _tasks = runtime.block_on(sleepers(n));
    let each = (peak_memory() - before) as f64 / n as f64;
    Figures {
        wall: each,
        cpu: each,
        operations: n,
    }
}

fn main() -> ExitCode {
    rows::main(&[
        Row::repeated("await_ready", 10_000_000, await_ready),
        Row::repeated("fib", 2_692_537, fib_calls),
        Row::repeated("create_task", 500_000, create_task),
        Row::repeated("create_all", 1_000_000, create_all),
        Row::repeated("yield_1", 1_000_000, yield_1),
        Row::repeated("yield_1000", 3_000_000, yield_1000),
        Row::once("sleeps", 1_000_000, sleeps),
        Row::repeated("timer_cancel", 250_000, timer_cancel),
        Row::repeated("threadsafe", 1_000_000, threadsafe),
        Row::repeated("to_thread", 10_000, to_thread),
        Row::repeated("cancel", 50_000, cancel),
        Row::repeated("timeout", 1_000_000, timeout),
        Row::repeated("lock_free", 5_000_000, lock_free),
        Row::repeated("lock_handed", 500_000, lock_handed),
        Row::repeated("queue_pingpong", 1_000_000, queue_pingpong),
        Row::repeated("event_set", 1_000_000, event_set),
        Row::new("memory", 1_000_000, memory),
    ])
}
