//! What is one step short of what a rule needs.

use super::*;

/// What it is, and how the facts come to be so.
type Short = (&'static str, fn(&mut Facts));

/// Almost: each of these is one step short of a case above.
#[test]
fn rules_are_silent_short_of_their_thresholds() {
    let short: [Short; 25] = [
        ("waited too little", |facts| facts.seen.throttled_ms = 35_000),
        ("seen too short", |facts| {
            facts.seen.throttled_ms = 120_000;
            facts.seen.span_ms = 599_000;
        }),
        ("no room on the machine", |facts| {
            facts.seen.throttled_ms = 120_000;
            facts.seen.least_available_mb = Some(100.0);
        }),
        ("another limit is lower", |facts| {
            facts.seen.throttled_ms = 120_000;
            overview(facts).limit_source = Some(LimitSource::Heap);
        }),
        ("not short yet", |facts| overview(facts).percentage = Some(70.0)),
        ("agents over their limit and no room", |facts| {
            memory(facts).over_limit = (2, 260 * MB);
            overview(facts).percentage = Some(58.0);
        }),
        ("few lookups", |facts| {
            let stats = &mut cache(facts).stats;
            (stats.l1.hits, stats.overall.total_hits, stats.overall.total_misses) = (0, 0, 999);
        }),
        ("a small L1", |facts| {
            let stats = &mut cache(facts).stats;
            (stats.l1.hits, stats.l1.size_mb) = (0, 15.9);
        }),
        ("few stored again", |facts| {
            cache(facts).renewed = Some(Renewed { expired: 900, same: 199, changed: 0 });
        }),
        ("few expired", |facts| cache(facts).renewed = Some(Renewed { expired: 199, same: 300, changed: 0 })),
        ("many changed", |facts| {
            cache(facts).renewed = Some(Renewed { expired: 900, same: 300, changed: 7 });
        }),
        ("few replaced", |facts| cache(facts).similar = Some(SimilarFate { served: 30, refuted: 19 })),
        ("a small share replaced", |facts| {
            cache(facts).similar = Some(SimilarFate { served: 1000, refuted: 49 });
        }),
        ("a threshold of 1", |facts| {
            facts.settings.cache.similarity_threshold = 1.0;
            cache(facts).similar = Some(SimilarFate { served: 200, refuted: 20 });
        }),
        ("another policy gains little", |facts| {
            cache(facts).policies =
                vec![policy(EvictionPolicy::Lfu, 199), policy(EvictionPolicy::Adaptive, -50)];
        }),
        ("little was compressed", |facts| {
            let l3 = &mut cache(facts).stats.l3;
            (l3.compression_ratio, l3.tier.raw_bytes) = (1.0, 1000);
        }),
        ("few fetched", |facts| {
            let filter = facts.filter.as_mut().expect("on");
            (filter.left_out, filter.fetched) = ([20; 6], [19; 6]);
        }),
        ("a small share fetched", |facts| {
            let filter = facts.filter.as_mut().expect("on");
            (filter.left_out, filter.fetched) = ([1000; 6], [49; 6]);
        }),
        ("a threshold of 0", |facts| {
            facts.settings.context_filter.context_importance_threshold = 0.0;
            fetched(facts, Reason::Score, 80);
        }),
        ("a loss within what prices are off by", |facts| facts.tokens.cost = Some(cost(4.0, 4.03))),
        ("little text", |facts| {
            facts.repeated = Counts { messages: 5000, bytes: (1 << 17) - 1, repeated: (1 << 17) - 1 };
        }),
        ("blocks already", |facts| {
            facts.settings.tokens.encoding = DeltaEncoding::Blocks;
            facts.repeated.repeated = 6 << 20;
        }),
        ("few messages", |facts| {
            facts.tokens.messages = 49;
            facts.tokens.cost = Some(cost(4.0, 5.0));
        }),
        ("no monitor elsewhere", |facts| {
            facts.settings.environment = Environment::Staging;
            facts.monitor = None;
        }),
        ("alerts are switched off", |facts| {
            facts.settings.monitoring.alerts_enabled = false;
            monitor(facts).working = 0;
        }),
    ];
    for (name, make) in short {
        let mut facts = well();
        make(&mut facts);
        assert_eq!(rules(&facts), [], "{name}");
    }
}
