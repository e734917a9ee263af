//! Writes the seeds of every property into `corpus/NAME`, beside what the fuzzer has found before.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for property in properties::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(property.name);
        std::fs::create_dir_all(&folder)?;
        let seeds = (property.seeds)();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:04}")), seed)?;
        }
        println!("{:22} {} seeds", property.name, seeds.len());
    }
    Ok(())
}
