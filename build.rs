//! Sets the linker flags that a Node.js addon needs on each platform.
//! Nothing to do when the core is built without the binding.

fn main() {
    if std::env::var_os("CARGO_FEATURE_BINDING").is_some() {
        napi_build::setup();
    }
}
