mod frame;

fn main() {}
