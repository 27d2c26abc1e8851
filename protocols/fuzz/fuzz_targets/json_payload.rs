#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Ok((_, batch)) = protocols::json_payload::decode(None, input) {
        assert!(batch.fixes.len() <= protocols::json_payload::MAX_RECORDS);
        for fix in &batch.fixes {
            protocols::json::fix(&batch, fix);
        }
    }
});
