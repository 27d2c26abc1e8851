//! Has the migrations, which are compiled in, looked at again when one is added.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
