//! The peer: PostGIS, on the same shapes with its index, in a server of its own.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use network::{Network, ShapeIdx};

/// Points asked about.
const POINTS: usize = 2_000;

/// Makes a cluster, runs a file of SQL in it and takes it away.
const SCRIPT: &str = r#"
set -e
bin=$1 sql=$2
folder=$(mktemp -d /tmp/marshrut-bench-XXXXXX)
trap 'kill -QUIT "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
"$bin/initdb" -D "$folder/data" -N -E UTF8 --locale=C.UTF-8 > "$folder/log" 2>&1
"$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c jit=off \
    -c max_parallel_workers_per_gather=0 >> "$folder/log" 2>&1 < /dev/null &
server=$!
until "$bin/pg_isready" -q -h "$folder"; do :; done
"$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$folder" -f "$sql" postgres
"#;

/// Points a second that it places on a shape known beforehand, and on the nearest of all.
/// `None` where PostGIS is not installed.
pub fn rates(network: &Network, points: &[(ShapeIdx, f64, [f64; 2])]) -> Option<(f64, f64)> {
    let bin = newest_bin()?;
    let mut sql = String::from(
        "create extension postgis;\ncreate table shapes(id int primary key, line geometry);\n\
         create table points(shape int, at geometry);\ncopy shapes from stdin;\n",
    );
    for (index, shape) in network.shapes() {
        let line: Vec<String> = shape.points.iter().map(|p| format!("{} {}", p.xy[0], p.xy[1])).collect();
        writeln!(sql, "{}\tLINESTRING({})", index.0, line.join(",")).unwrap();
    }
    sql.push_str("\\.\ncopy points from stdin;\n");
    let step = (points.len() / POINTS).max(1);
    let asked: Vec<_> = points.iter().step_by(step).collect();
    for (shape, _, xy) in &asked {
        writeln!(sql, "{}\tPOINT({} {})", shape.0, xy[0], xy[1]).unwrap();
    }
    sql.push_str("\\.\ncreate index on shapes using gist(line);\nanalyze;\n");
    let known = "select count(st_linelocatepoint(s.line, p.at)), count(st_closestpoint(s.line, p.at)) \
                 from points p join shapes s on s.id = p.shape";
    let nearest = "select count(st_linelocatepoint(s.line, p.at)), count(st_closestpoint(s.line, p.at)) from points p \
                   cross join lateral (select line from shapes order by line <-> p.at limit 1) s";
    for query in [known, nearest] {
        writeln!(
            sql,
            "do $$ declare begun timestamptz; best float := 1e9; begin for i in 1..3 loop begun := clock_timestamp(); \
             perform * from ({query}) q; \
             best := least(best, extract(epoch from clock_timestamp() - begun)); end loop; \
             perform set_config('bench.best', best::text, false); end $$;\nselect current_setting('bench.best');"
        )
        .unwrap();
    }
    let file = tempfile::Builder::new().suffix(".sql").tempfile().ok()?;
    std::fs::write(file.path(), sql).ok()?;
    // PostgreSQL does not run as root, and has to read the file.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    let mut command = Command::new(if is_root { "setpriv" } else { "sh" });
    if is_root {
        Command::new("chmod").arg("0644").arg(file.path()).status().ok()?;
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
    }
    let output = command.args(["-c", SCRIPT, "sh"]).arg(&bin).arg(file.path()).current_dir("/tmp").output().ok()?;
    if !output.status.success() {
        eprintln!("PostGIS left out: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut seconds = text.lines().filter_map(|l| l.trim().parse::<f64>().ok());
    let count = asked.len() as f64;
    Some((count / seconds.next()?, count / seconds.next()?))
}

fn newest_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.flatten().map(|e| e.path().join("bin")).filter(|b| b.join("initdb").exists()).max()
}
