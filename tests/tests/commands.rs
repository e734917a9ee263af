use tests::commands::World;
use tests::commands::case::run_folder;
#[test]
fn verdicts() { run_folder("verdicts", &World::new(), 30); }
#[test]
fn primitive() { run_folder("primitive", &World::new(), 3); }
#[test]
fn wrong() { run_folder("wrong-input", &World::new(), 0); }
#[test]
fn issue() { run_folder("issue", &World::new(), 0); }
