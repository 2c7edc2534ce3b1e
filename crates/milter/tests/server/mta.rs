//! An MTA for these tests.

use std::net::SocketAddr;

use milter::Strings;
use milter::client::{Client, ClientError, Replies};
use milter::command::{Command, Connect, Peer};
use milter::options::{Actions, Offer, Steps};
use milter::reply::Reply;
use tokio::net::TcpStream;

/// What Postfix offers.
pub(crate) const OFFER: Offer = Offer { version: 6, actions: Actions(0x1ff), steps: Steps(0x1f_ffff) };

pub(crate) const CONNECT: Command<'static> =
    Command::Connect(Connect { host: b"client.example", peer: Peer::Inet(25, b"192.0.2.1") });

pub(crate) type Mta = Client<TcpStream>;

pub(crate) fn one() -> Strings<'static> {
    Strings::new(b"<a@client.example>\0").unwrap()
}

/// A connection that is negotiated.
pub(crate) async fn negotiated(addr: SocketAddr) -> Mta {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Client::open(stream, OFFER).await.unwrap().0
}

/// A connection with a client of the MTA.
pub(crate) async fn connected(addr: SocketAddr) -> Mta {
    let mut mta = negotiated(addr).await;
    go_on(&mut mta, &[CONNECT, Command::Helo(b"client.example")]).await;
    mta
}

/// Sends commands that are each to be answered with "go on".
pub(crate) async fn go_on(mta: &mut Mta, commands: &[Command<'_>]) {
    for command in commands {
        let replies = mta.ask(command).await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert_eq!(replies.last().unwrap(), Reply::Continue, "{command:?}");
    }
}

/// The commands of a message up to its body.
pub(crate) fn head() -> Vec<Command<'static>> {
    vec![
        Command::Mail(one()),
        Command::Rcpt(one()),
        Command::Data,
        Command::Header { name: b"From", value: b" a@client.example" },
        Command::EndOfHeader,
    ]
}

/// Sends a message and gives the last answer.
pub(crate) async fn message(mta: &mut Mta, body: &[&[u8]]) -> Result<Replies, ClientError> {
    go_on(mta, &head()).await;
    for piece in body {
        go_on(mta, &[Command::Body(piece)]).await;
    }
    mta.ask(&Command::EndOfBody(b"")).await
}
