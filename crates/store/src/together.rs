//! Small writes of many callers in one transaction: a commit waits for the disk however little is in it, and whoever comes
//! meanwhile goes with the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::Error;
use crate::conn::Conn;
use crate::pool::{Pool, Work};
use crate::value::Value;

/// Most statements of one transaction: however slow the database is, it comes to an end.
const MOST: usize = 500;

/// A statement that stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement(pub(crate) &'static str, pub(crate) Vec<Value>);

/// Who does several statements, all or none, and says how many rows each has touched.
pub(crate) trait Transact: Sync {
    fn transact(&self, all: &[Statement]) -> impl Future<Output = Result<Vec<u64>, Error>> + Send;
}

/// Statements that wait for each other. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Together(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<Vec<Waiting>>,
    /// Who has it does what waits, for all.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    statement: Statement,
    told: oneshot::Sender<Result<u64, Error>>,
}

impl Together {
    /// Does a statement; gives how many rows it has touched.
    pub(crate) async fn execute(&self, by: &impl Transact, statement: Statement) -> Result<u64, Error> {
        let (told, mut answer) = oneshot::channel();
        self.waiting().push(Waiting { statement, told });
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    let gone = |_| Err(Error::Away("nobody has ended what was begun".into()));
                    return answer.unwrap_or_else(gone);
                }
                _turn = self.0.turn.lock() => self.some(by).await,
            }
        }
    }

    /// Does what waits, or the first of it.
    async fn some(&self, by: &impl Transact) {
        let mut all: Vec<Waiting> = {
            let mut waiting = self.waiting();
            let count = waiting.len().min(MOST);
            waiting.drain(..count).collect()
        };
        // Nobody wants to know any more.
        all.retain(|waiting| !waiting.told.is_closed());
        // All nodes take locks in one order. What comes twice stays in its order.
        all.sort_by(|a, b| a.statement.1.first().cmp(&b.statement.1.first()));
        let statements: Vec<Statement> = all.iter().map(|waiting| waiting.statement.clone()).collect();
        match by.transact(&statements).await {
            Ok(touched) => {
                for (Waiting { told, .. }, touched) in all.into_iter().zip(touched) {
                    let _ = told.send(Ok(touched));
                }
            }
            // One of them is to blame, and none was done.
            Err(error) if !error.may_pass() && all.len() > 1 => {
                for Waiting { statement, told } in all {
                    let touched = by.transact(&[statement]).await;
                    let _ = told.send(touched.map(|touched| touched.iter().sum()));
                }
            }
            Err(error) => all.into_iter().for_each(|waiting| _ = waiting.told.send(Err(error.clone()))),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Statements<'a>(&'a [Statement]);

impl Work for Statements<'_> {
    type Output = Vec<u64>;

    async fn run(&self, conn: &mut Conn) -> Result<Vec<u64>, Error> {
        let mut touched = Vec::with_capacity(self.0.len());
        for Statement(sql, values) in self.0 {
            touched.push(conn.execute(sql, values.clone()).await?);
        }
        Ok(touched)
    }
}

impl Transact for Pool {
    async fn transact(&self, all: &[Statement]) -> Result<Vec<u64>, Error> {
        if all.is_empty() { Ok(Vec::new()) } else { self.write(&Statements(all)).await }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// A database that does a transaction each time that it may, refuses what is called `bad`, and may be away.
    struct Database {
        may: Semaphore,
        is_away: AtomicBool,
        done: Mutex<Vec<String>>,
    }

    impl Transact for Arc<Database> {
        async fn transact(&self, all: &[Statement]) -> Result<Vec<u64>, Error> {
            self.may.acquire().await.unwrap().forget();
            if self.is_away.load(Ordering::SeqCst) {
                return Err(Error::Away("far".into()));
            }
            let name = |statement: &Statement| match statement.1.first() {
                Some(Value::Text(Some(name))) => name.clone(),
                _ => panic!("{statement:?}"),
            };
            let names: Vec<String> = all.iter().map(name).collect();
            if names.iter().any(|name| name == "bad") {
                return Err(Error::Refused("bad".into()));
            }
            self.done.lock().unwrap().push(names.join(" "));
            Ok(names.iter().map(|name| name.len() as u64).collect())
        }
    }

    type Task = tokio::task::JoinHandle<Result<u64, Error>>;

    struct Callers {
        together: Together,
        database: Arc<Database>,
    }

    impl Callers {
        fn new() -> Self {
            let (may, is_away) = (Semaphore::new(0), AtomicBool::new(false));
            let database = Arc::new(Database { may, is_away, done: Mutex::default() });
            Self { together: Together::default(), database }
        }

        /// One comes, and waits.
        async fn comes(&self, name: &str) -> Task {
            let (together, database) = (self.together.clone(), Arc::clone(&self.database));
            let statement = Statement("", vec![name.into()]);
            let task = tokio::spawn(async move { together.execute(&database, statement).await });
            // On one thread, it goes as far as it can.
            tokio::task::yield_now().await;
            task
        }

        fn done(&self) -> Vec<String> {
            self.database.done.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn who_comes_while_others_are_written_goes_with_the_next() {
        let callers = Callers::new();
        let mut tasks = Vec::new();
        for name in ["b", "ccc", "aa", "d"] {
            tasks.push(callers.comes(name).await);
        }
        callers.database.may.add_permits(2);
        let mut touched = Vec::new();
        for task in tasks {
            touched.push(task.await.unwrap().unwrap());
        }
        assert_eq!((touched, callers.done()), (vec![1, 3, 2, 1], vec!["b".into(), "aa ccc d".into()]));
    }

    #[tokio::test]
    async fn one_that_is_refused_takes_no_other_with_it() {
        let callers = Callers::new();
        let first = callers.comes("a").await;
        let (bad, good) = (callers.comes("bad").await, callers.comes("good").await);
        callers.database.may.add_permits(4);
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(bad.await.unwrap(), Err(Error::Refused("bad".into())));
        assert_eq!(good.await.unwrap(), Ok(4));
        assert_eq!(callers.database.may.available_permits(), 0, "tried together, and then alone");
    }

    #[tokio::test]
    async fn all_learn_that_the_database_is_away() {
        let callers = Callers::new();
        let mut tasks = Vec::new();
        for name in ["a", "b", "c"] {
            tasks.push(callers.comes(name).await);
        }
        callers.database.is_away.store(true, Ordering::SeqCst);
        callers.database.may.add_permits(2);
        for task in tasks {
            assert_eq!(task.await.unwrap(), Err(Error::Away("far".into())));
        }
        assert_eq!(callers.database.may.available_permits(), 0, "asked once for those that waited together");
    }

    #[tokio::test]
    async fn who_went_away_stops_nobody() {
        let callers = Callers::new();
        let first = callers.comes("a").await;
        let (second, third) = (callers.comes("b").await, callers.comes("c").await);
        // The one that writes, and one that waits.
        first.abort();
        second.abort();
        tokio::task::yield_now().await;
        callers.database.may.add_permits(1);
        assert_eq!(third.await.unwrap(), Ok(1));
        assert_eq!(callers.done(), ["c"]);
    }

    #[tokio::test]
    async fn a_transaction_has_an_end() {
        let callers = Callers::new();
        let mut tasks = vec![callers.comes("first").await];
        for number in 0..=MOST {
            tasks.push(callers.comes(&format!("{number:04}")).await);
        }
        callers.database.may.add_permits(3);
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let sizes: Vec<usize> = callers.done().iter().map(|names| names.split(' ').count()).collect();
        assert_eq!(sizes, [1, MOST, 1]);
    }
}
