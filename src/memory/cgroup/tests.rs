use super::*;
use crate::memory::test_support::Fixture;

const MIB: u64 = 1 << 20;

/// What v1 shows for "no limit" with pages of 4 KiB and of 64 KiB.
const V1_UNLIMITED: [&str; 2] = ["9223372036854771712\n", "9223372036854710272\n"];

const V1_MOUNT: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
     35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

fn read(fixture: &Fixture) -> Option<CgroupMemory> {
    let reader = CgroupReader::discover(fixture.root())?;
    let charge = reader.charge();
    reader.memory(reader.limits(), charge, charge.and_then(|charge| reader.reclaimable(charge)))
}

#[expect(clippy::unnecessary_wraps, reason = "compared with an option")]
fn v2(max: Option<u64>, high: Option<u64>, current: Option<u64>) -> Option<CgroupMemory> {
    Some(CgroupMemory { version: CgroupVersion::V2, max, high, current, reclaimable: None })
}

#[expect(clippy::unnecessary_wraps, reason = "compared with an option")]
fn v1(max: Option<u64>, high: Option<u64>, current: Option<u64>) -> Option<CgroupMemory> {
    Some(CgroupMemory { version: CgroupVersion::V1, max, high, current, reclaimable: None })
}

fn v1_tree(group: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.write("proc/self/cgroup", format!("9:name=systemd:/\n4:memory:{group}\n"));
    fixture.write("proc/self/mountinfo", V1_MOUNT);
    fixture
}

fn v2_tree(group: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.v2(group, group);
    fixture
}

#[test]
fn v2_max_is_no_limit() {
    let tree = v2_tree("/app");
    tree.write("sys/fs/cgroup/app/memory.max", "max\n");
    tree.write("sys/fs/cgroup/app/memory.high", "max\n");
    tree.write("sys/fs/cgroup/app/memory.current", "4096\n");
    assert_eq!(read(&tree), v2(None, None, Some(4096)));
}

#[test]
fn v2_numbers_are_bytes() {
    let tree = v2_tree("/app");
    tree.write("sys/fs/cgroup/app/memory.max", format!("{}\n", 512 * MIB));
    tree.write("sys/fs/cgroup/app/memory.high", format!("{}\n", 400 * MIB));
    tree.write("sys/fs/cgroup/app/memory.current", format!("{}\n", 100 * MIB));
    assert_eq!(read(&tree), v2(Some(512 * MIB), Some(400 * MIB), Some(100 * MIB)));
}

#[test]
fn a_smaller_limit_of_an_ancestor_wins_for_each_kind() {
    let tree = v2_tree("/a/b/c");
    tree.write("sys/fs/cgroup/a/b/c/memory.max", "900\n");
    tree.write("sys/fs/cgroup/a/b/c/memory.high", "100\n");
    tree.write("sys/fs/cgroup/a/b/c/memory.current", "50\n");
    tree.write("sys/fs/cgroup/a/b/memory.max", "max\n");
    tree.write("sys/fs/cgroup/a/memory.max", "300\n");
    tree.write("sys/fs/cgroup/a/memory.high", "200\n");
    tree.write("sys/fs/cgroup/a/memory.current", "250\n");
    assert_eq!(read(&tree), v2(Some(300), Some(100), Some(50)));
}

#[test]
fn without_a_delegated_controller_the_nearest_ancestor_counts() {
    let tree = v2_tree("/slice/app");
    tree.write("sys/fs/cgroup/slice/app/cgroup.procs", "1\n");
    tree.write("sys/fs/cgroup/slice/memory.max", "700\n");
    tree.write("sys/fs/cgroup/slice/memory.current", "70\n");
    assert_eq!(read(&tree), v2(Some(700), None, Some(70)));
}

#[test]
fn without_any_memory_controller_there_is_nothing() {
    assert_eq!(read(&v2_tree("/slice/app")), None);
}

#[test]
fn v1_huge_number_is_no_limit() {
    for unlimited in V1_UNLIMITED {
        let tree = v1_tree("/app");
        tree.write("sys/fs/cgroup/memory/app/memory.limit_in_bytes", unlimited);
        tree.write("sys/fs/cgroup/memory/app/memory.soft_limit_in_bytes", unlimited);
        tree.write("sys/fs/cgroup/memory/app/memory.usage_in_bytes", "8192\n");
        assert_eq!(read(&tree), v1(None, None, Some(8192)));
    }
}

#[test]
fn v1_limits_are_found_up_the_hierarchy() {
    let tree = v1_tree("/docker/app");
    tree.write("sys/fs/cgroup/memory/docker/app/memory.limit_in_bytes", V1_UNLIMITED[0]);
    tree.write("sys/fs/cgroup/memory/docker/app/memory.soft_limit_in_bytes", "300\n");
    tree.write("sys/fs/cgroup/memory/docker/app/memory.usage_in_bytes", "100\n");
    tree.write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "500\n");
    tree.write("sys/fs/cgroup/memory/docker/memory.use_hierarchy", "1\n");
    assert_eq!(read(&tree), v1(Some(500), Some(300), Some(100)));
}

#[test]
fn v1_ancestors_without_hierarchy_do_not_bind() {
    let tree = v1_tree("/docker/app");
    tree.write("sys/fs/cgroup/memory/docker/app/memory.limit_in_bytes", "900\n");
    tree.write("sys/fs/cgroup/memory/docker/app/memory.use_hierarchy", "0\n");
    tree.write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "500\n");
    tree.write("sys/fs/cgroup/memory/docker/memory.use_hierarchy", "0\n");
    assert_eq!(read(&tree), v1(Some(900), None, None));
}

#[test]
fn hybrid_systems_keep_memory_in_v1() {
    let tree = Fixture::new();
    tree.write("proc/self/cgroup", "4:cpu,memory:/app\n0::/other\n");
    tree.write(
        "proc/self/mountinfo",
        "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu,memory\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );
    tree.write("sys/fs/cgroup/memory/app/memory.limit_in_bytes", "600\n");
    tree.write("sys/fs/cgroup/unified/other/memory.max", "1\n");
    assert_eq!(read(&tree), v1(Some(600), None, None));
}

#[test]
fn hybrid_systems_with_memory_in_v2_use_v2() {
    let tree = Fixture::new();
    tree.write("proc/self/cgroup", "2:cpu:/x\n0::/app\n");
    tree.write(
        "proc/self/mountinfo",
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );
    tree.write("sys/fs/cgroup/unified/app/memory.max", "800\n");
    assert_eq!(read(&tree), v2(Some(800), None, None));
}

#[test]
fn the_mount_point_is_read_and_not_assumed() {
    let tree = Fixture::new();
    tree.write("proc/self/cgroup", "0::/app:1\n");
    tree.write(
        "proc/self/mountinfo",
        "29 22 0:26 / /odd\\040place/cg rw shared:4 master:2 - cgroup2 none rw\n",
    );
    tree.write("odd place/cg/app:1/memory.max", "123\n");
    assert_eq!(read(&tree), v2(Some(123), None, None));
}

#[test]
fn a_bind_mounted_group_is_found_at_its_mount_point() {
    let tree = Fixture::new();
    tree.write("proc/self/cgroup", "4:memory:/docker/abc/inner\n");
    tree.write(
        "proc/self/mountinfo",
        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
    );
    tree.write("sys/fs/cgroup/memory/inner/memory.usage_in_bytes", "5\n");
    tree.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "42\n");
    assert_eq!(read(&tree), v1(Some(42), None, Some(5)));
}

#[test]
fn of_several_mounts_the_one_that_shows_the_group_and_most_above_it_is_used() {
    let tree = Fixture::new();
    tree.write("proc/self/cgroup", "0::/a/b\n");
    tree.write(
        "proc/self/mountinfo",
        "1 0 0:1 /a /part rw - cgroup2 none rw\n\
         2 0 0:1 / /full rw - cgroup2 none rw\n\
         3 0 0:1 / /hidden rw - cgroup2 none rw\n\
         4 0 0:1 /ab /unrelated rw - cgroup2 none rw\n",
    );
    tree.write("part/b/memory.max", "90\n");
    tree.write("full/a/b/memory.max", "90\n");
    tree.write("full/a/memory.max", "80\n");
    tree.write("full/memory.max", "70\n");
    tree.write("hidden/memory.max", "1\n");
    tree.write("unrelated/memory.max", "2\n");
    assert_eq!(read(&tree), v2(Some(70), None, None));
}

#[test]
fn a_mounted_ancestor_of_the_namespace_binds() {
    let tree = Fixture::new();
    tree.write("proc/self/cgroup", "0::/\n");
    tree.write("proc/self/mountinfo", "1 0 0:1 /../.. /cg rw - cgroup2 none rw\n");
    tree.write("cg/memory.max", "640\n");
    assert_eq!(read(&tree), v2(Some(640), None, None));
}

#[test]
fn a_group_outside_the_namespace_or_the_mount_is_not_guessed() {
    for (group, shown) in [("/../sibling", "/"), ("/here", "/elsewhere"), ("/", "/../sibling")] {
        let tree = Fixture::new();
        tree.write("proc/self/cgroup", format!("0::{group}\n"));
        tree.write("proc/self/mountinfo", format!("1 0 0:1 {shown} /cg rw - cgroup2 none rw\n"));
        tree.write("cg/memory.max", "640\n");
        tree.write("sibling/memory.max", "640\n");
        assert_eq!(read(&tree), None, "{group} in {shown}");
    }
}

#[test]
fn missing_files_are_nothing() {
    assert_eq!(read(&Fixture::new()), None);

    let without_mounts = Fixture::new();
    without_mounts.write("proc/self/cgroup", "0::/app\n");
    assert_eq!(read(&without_mounts), None);

    let vanished = Fixture::new();
    vanished.v2("/", "/gone (deleted)");
    vanished.write("sys/fs/cgroup/memory.max", "55\n");
    assert_eq!(read(&vanished), v2(Some(55), None, None));
}

#[test]
fn garbled_figures_are_none_each_on_its_own() {
    let long = "1".repeat(5000);
    let garbage: [&[u8]; 8] = [
        b"",
        b"\n",
        b"-1\n",
        b"12 34\n",
        b"99999999999999999999999\n",
        b"0x10\n",
        b"\xff\xfe",
        long.as_bytes(),
    ];
    for content in garbage {
        let tree = v2_tree("/app");
        tree.write("sys/fs/cgroup/app/memory.max", content);
        tree.write("sys/fs/cgroup/app/memory.current", "7\n");
        assert_eq!(read(&tree), v2(None, None, Some(7)), "{content:?}");
    }
}

#[test]
fn garbled_process_files_are_nothing() {
    let garbage: [&[u8]; 7] =
        [b"", b"0::\n", b"0:", b"::::::", b"\xff\xfe\x00", b"0::relative\n", b" - - - \n"];
    for content in garbage {
        let tree = v2_tree("/app");
        tree.write("sys/fs/cgroup/app/memory.max", "1\n");
        tree.write("proc/self/cgroup", content);
        assert_eq!(read(&tree), None, "cgroup {content:?}");

        let tree = v2_tree("/app");
        tree.write("sys/fs/cgroup/app/memory.max", "1\n");
        tree.write("proc/self/mountinfo", content);
        assert_eq!(read(&tree), None, "mountinfo {content:?}");
    }
}

#[test]
fn a_bad_escape_makes_its_line_useless_only() {
    assert_eq!(unescape("a\\040b\\134"), Some("a b\\".to_owned()));
    for bad in ["\\", "\\04", "\\999", "\\777", "\\377", "\\\u{e9}1"] {
        assert_eq!(unescape(bad), None, "{bad}");
    }
}

#[test]
fn v2_inactive_page_cache_is_reclaimable() {
    let tree = v2_tree("/app");
    tree.write("sys/fs/cgroup/app/memory.current", "1000\n");
    tree.write("sys/fs/cgroup/app/memory.stat", "anon 1\nfile 800\nactive_file 500\ninactive_file 300\n");
    let memory = read(&tree).unwrap();
    assert_eq!((memory.reclaimable, memory.working_set()), (Some(300), Some(700)));
}

#[test]
fn v1_inactive_page_cache_is_that_of_the_groups_in_it_too() {
    let tree = v1_tree("/app");
    tree.write("sys/fs/cgroup/memory/app/memory.usage_in_bytes", "1000\n");
    tree.write("sys/fs/cgroup/memory/app/memory.stat", "inactive_file 300\ntotal_inactive_file 400\n");
    let memory = read(&tree).unwrap();
    assert_eq!((memory.reclaimable, memory.working_set()), (Some(400), Some(600)));
}

#[test]
fn reclaimable_is_of_the_group_that_is_charged_and_never_more_than_that() {
    let tree = v2_tree("/slice/app");
    tree.write("sys/fs/cgroup/slice/app/memory.stat", "inactive_file 1\n");
    tree.write("sys/fs/cgroup/slice/memory.current", "70\n");
    tree.write("sys/fs/cgroup/slice/memory.stat", "inactive_file 30\n");
    assert_eq!(read(&tree).unwrap().reclaimable, Some(30));
    tree.write("sys/fs/cgroup/slice/memory.stat", "inactive_file 90\n");
    let memory = read(&tree).unwrap();
    assert_eq!((memory.reclaimable, memory.working_set()), (Some(70), Some(0)));
}

#[test]
fn without_a_charge_or_a_stat_nothing_is_reclaimable() {
    let tree = v2_tree("/app");
    tree.write("sys/fs/cgroup/app/memory.max", "90\n");
    tree.write("sys/fs/cgroup/app/memory.stat", "inactive_file 30\n");
    let memory = read(&tree).unwrap();
    assert_eq!((memory.reclaimable, memory.working_set()), (None, None));

    tree.write("sys/fs/cgroup/app/memory.current", "70\n");
    for content in ["", "file 30\n", "inactive_file max\n", "inactive_file -1\n", "inactive_file 1e3\n"] {
        tree.write("sys/fs/cgroup/app/memory.stat", content);
        let memory = read(&tree).unwrap();
        assert_eq!((memory.reclaimable, memory.working_set()), (None, Some(70)), "{content}");
    }
}

#[test]
fn a_limit_of_zero_is_told_as_it_is() {
    let tree = v2_tree("/app");
    tree.write("sys/fs/cgroup/app/memory.max", "0\n");
    assert_eq!(read(&tree), v2(Some(0), None, None));
}

fn events(tree: &Fixture) -> Option<CgroupEvents> {
    CgroupReader::discover(tree.root())?.events()
}

#[test]
fn v2_events_are_read_each_on_its_own() {
    let tree = v2_tree("/app");
    assert_eq!(events(&tree), None);
    tree.write(
        "sys/fs/cgroup/app/memory.events",
        "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n",
    );
    let all = CgroupEvents { low: Some(1), high: Some(2), max: Some(3), oom: Some(4), oom_kill: Some(5) };
    assert_eq!(events(&tree), Some(all));
    tree.write("sys/fs/cgroup/app/memory.events", "low x\nhigh -2\nmax 3\noom_kill 99999999999999999999\n");
    assert_eq!(events(&tree), Some(CgroupEvents { max: Some(3), ..CgroupEvents::default() }));
    tree.write("sys/fs/cgroup/app/memory.events", b"\xff\x00garbage");
    assert_eq!(events(&tree), None);
}

#[test]
fn v1_events_are_failures_to_charge_and_kills() {
    let tree = v1_tree("/app");
    assert_eq!(events(&tree), None);
    tree.write("sys/fs/cgroup/memory/app/memory.failcnt", "8\n");
    assert_eq!(events(&tree), Some(CgroupEvents { max: Some(8), ..CgroupEvents::default() }));
    tree.write(
        "sys/fs/cgroup/memory/app/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 9\n",
    );
    let both = CgroupEvents { max: Some(8), oom_kill: Some(9), ..CgroupEvents::default() };
    assert_eq!(events(&tree), Some(both));
}

#[test]
fn pressure_is_of_the_nearest_v2_group_that_tells_it() {
    let pressure = |tree: &Fixture| CgroupReader::discover(tree.root())?.pressure();
    let tree = v2_tree("/slice/app");
    assert_eq!(pressure(&tree), None);
    tree.write("sys/fs/cgroup/slice/memory.pressure", "some avg10=2.00\nfull avg10=1.00\n");
    assert_eq!(pressure(&tree), Some(Psi { some_avg10: 2.0, full_avg10: 1.0 }));
    tree.write("sys/fs/cgroup/slice/app/memory.pressure", "some avg10=20.00\nfull avg10=10.00\n");
    assert_eq!(pressure(&tree), Some(Psi { some_avg10: 20.0, full_avg10: 10.0 }));

    let old = v1_tree("/app");
    old.write("sys/fs/cgroup/memory/app/memory.pressure", "some avg10=2.00\nfull avg10=1.00\n");
    assert_eq!(pressure(&old), None);
}

proptest::proptest! {
    #[test]
    fn no_content_makes_it_panic(
        groups in ".{0,80}",
        mounts in "[ -~\n]{0,120}",
        figure in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
    ) {
        let tree = v2_tree("/app");
        for file in ["max", "current", "stat", "events", "pressure"] {
            tree.write(&format!("sys/fs/cgroup/app/memory.{file}"), &figure);
        }
        let _ = (read(&tree), events(&tree), CgroupReader::discover(tree.root()).unwrap().pressure());
        tree.write("proc/self/cgroup", groups);
        tree.write("proc/self/mountinfo", mounts);
        let _ = read(&tree);
    }
}
