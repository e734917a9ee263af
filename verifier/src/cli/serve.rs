//! `serve`: the page of this counter, in a browser on this computer.

use std::future::Future;
use std::io::ErrorKind;
use std::time::Instant;

use clap::Args;
use command_line::files::write_stdout;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use verifier::counter::{Counter, PORT, Surroundings};
use verifier::worker::Program;

use super::space::free_bytes;
use super::{ClockArguments, StateArguments, scan_worker};

#[derive(Args)]
#[command(
    after_help = "The address is printed on standard output. What stands behind # in it opens the page for one run of this program: do not \
                  pass it on. Ctrl-C ends it, with exit code 0."
)]
pub(super) struct Serve {
    #[command(flatten)]
    state: StateArguments,
    /// The port on 127.0.0.1. Browsers remember by it who may use the camera; 0 takes any that is free
    #[arg(long, value_name = "NUMBER", default_value_t = PORT)]
    port: u16,
    /// Do not open the page in the browser
    #[arg(long)]
    no_browser: bool,
    #[command(flatten)]
    clock: ClockArguments,
}

impl Serve {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let clock = self.clock.clock()?;
        // A clock beyond belief is said now, not at the first code.
        clock.now()?;
        let state = self.state.open()?;
        let scan_worker = Program::this(scan_worker::NAME).map_err(|error| {
            Refusal::internal(
                "SCAN_WORKER_MISSING",
                format!("the system does not say where this program is: {error}"),
                "start it by its full path",
            )
        })?;
        let started = Instant::now();
        let surroundings = Surroundings {
            now: Box::new(move || clock.now().ok()),
            ticks: Box::new(move || started.elapsed()),
            fixed_clock: clock.is_fixed(),
            dice: Box::new(|| random_bytes().ok()),
            free_space: free_bytes,
            scan_worker,
        };
        let token: String = random_bytes::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect();
        let counter = Counter::new(state, surroundings);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            Refusal::internal(
                "SERVE_START",
                format!("cannot start serving: {error}"),
                "restart this computer, and report it if it comes again",
            )
        })?;
        let served = runtime.block_on(self.serve(counter, token));
        // A frame that is being read is not waited for.
        runtime.shutdown_background();
        served
    }

    async fn serve(&self, counter: Counter, token: String) -> Result<Exit, Refusal> {
        let stop = stop_signal()?;
        let listener = Counter::bind(self.port).await.map_err(|error| refused_port(self.port, &error))?;
        let port = listener.local_addr().map_or(self.port, |address| address.port());
        let address = format!("http://127.0.0.1:{port}/#{token}");
        write_stdout(format!("{address}\n").as_bytes())?;
        eprintln!(
            "note: 窗口页面已就绪，请在本机浏览器中打开上面的地址；按 Ctrl-C 结束 / the counter page is ready at the address above, \
             for a browser on this computer; end with Ctrl-C"
        );
        if !self.no_browser && open::that_detached(&address).is_err() {
            eprintln!(
                "note: 无法自动打开浏览器，请手动打开该地址 / no browser could be started: open the address yourself"
            );
        }
        counter.serve(listener, token, stop).await.map_err(|error| {
            Refusal::internal("SERVE_FAILED", format!("the page can no longer be served: {error}"), "start it again")
        })?;
        eprintln!("note: 已停止 / stopped");
        Ok(Exit::Done)
    }
}

fn refused_port(port: u16, error: &std::io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::AddrInUse => Refusal::usage(
            "SERVE_PORT_TAKEN",
            format!("another program listens on port {port} of this computer"),
            "if that is this counter, use its page; otherwise give another port with --port",
        ),
        ErrorKind::PermissionDenied => Refusal::usage(
            "SERVE_PORT_FORBIDDEN",
            format!("this account may not listen on port {port}"),
            "give a port from 1024 on with --port",
        ),
        _ => Refusal::internal(
            "SERVE_PORT",
            format!("cannot listen on port {port} of this computer: {error}"),
            "give another port with --port",
        ),
    }
}

/// Comes with Ctrl-C, or when somebody ends the program in an orderly way.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Refusal> {
    let refusal = |error: std::io::Error| {
        Refusal::internal(
            "SERVE_SIGNAL",
            format!("cannot prepare for Ctrl-C: {error}"),
            "please report this line and the system you use",
        )
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut signals = [
            signal(SignalKind::interrupt()).map_err(refusal)?,
            signal(SignalKind::terminate()).map_err(refusal)?,
            signal(SignalKind::hangup()).map_err(refusal)?,
        ];
        Ok(async move {
            let [interrupt, terminate, hangup] = &mut signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        let mut pressed = tokio::signal::windows::ctrl_c().map_err(refusal)?;
        Ok(async move {
            pressed.recv().await;
        })
    }
}
