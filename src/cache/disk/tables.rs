//! The statements. Each does one thing to the tables of `db`; transactions and policy are the callers'.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use super::db::{Trouble, from_sql, hash_bytes, to_sql};
use crate::cache::key::Namespace;

/// Tier of plain entries.
pub(crate) const L2: i64 = 2;
/// Tier of compressed entries.
pub(crate) const L3: i64 = 3;

/// Bytes that a row costs besides key and blob: its row in `m`, two index entries, the headers. Measured as file size
/// over entries of 16 bytes; rounded up.
pub(crate) const ROW_BYTES: u64 = 224;

/// Uses that are counted of an entry until its place in the queue comes up.
const MAX_HITS: i64 = 3;

/// The row of an entry without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) tier: i64,
    pub(crate) hits: i64,
    pub(crate) stored: i64,
    pub(crate) raw: i64,
    pub(crate) fresh_ms: u64,
    pub(crate) gone_ms: u64,
    pub(crate) used_ms: u64,
    pub(crate) is_tagged: bool,
}

/// A row that may leave its tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) hash: u128,
    pub(crate) row: Row,
}

/// Key and blob of an entry.
pub(crate) type KeyAndBlob = (Box<[u8]>, Vec<u8>);

/// What a tier holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Total {
    /// Entries.
    pub(crate) entries: u64,
    /// Bytes of rows and blobs.
    pub(crate) stored: u64,
    /// Bytes of the values before compression.
    pub(crate) raw: u64,
}

const COLUMNS: &str = "id, tier, hits, stored, raw, fresh, gone, used, tagged";

fn row(sql: &SqlRow<'_>, first: usize) -> rusqlite::Result<Row> {
    Ok(Row {
        id: sql.get(first)?,
        tier: sql.get(first + 1)?,
        hits: sql.get(first + 2)?,
        stored: sql.get(first + 3)?,
        raw: sql.get(first + 4)?,
        fresh_ms: from_sql(sql.get(first + 5)?),
        gone_ms: from_sql(sql.get(first + 6)?),
        used_ms: from_sql(sql.get(first + 7)?),
        is_tagged: sql.get(first + 8)?,
    })
}

fn candidate(sql: &SqlRow<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate { hash: u128::from_be_bytes(sql.get(0)?), row: row(sql, 1)? })
}

/// A version and its key.
pub(crate) type IdAndKey = (i64, Box<[u8]>);

/// The tables through one connection or transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables<'c>(pub(crate) &'c Connection);

impl Tables<'_> {
    /// The row of a key. O(log n).
    pub(crate) fn row(&self, hash: u128) -> Result<Option<Row>, Trouble> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, tier, hits, stored, raw, fresh, gone, used, tagged FROM m WHERE h = ?",
        )?;
        Ok(statement.query_row([hash_bytes(hash)], |sql| row(sql, 0)).optional()?)
    }

    /// Key and blob of a version. O(log n + bytes).
    pub(crate) fn blob(&self, id: i64) -> Result<Option<KeyAndBlob>, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT k, data FROM v WHERE id = ?")?;
        let found = statement.query_row([id], |sql| {
            Ok((sql.get_ref(0)?.as_blob()?.into(), sql.get_ref(1)?.as_blob()?.to_vec()))
        });
        Ok(found.optional()?)
    }

    /// Ids and keys of the versions after `after`, in order.
    pub(crate) fn keys_after(&self, after: i64, most: usize) -> Result<Vec<IdAndKey>, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT id, k FROM v WHERE id > ? ORDER BY id LIMIT ?")?;
        let rows = statement.query_map(params![after, to_sql(most as u64)], |sql| {
            Ok((sql.get(0)?, sql.get_ref(1)?.as_blob()?.into()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The version that `count` are newer than. O(count).
    pub(crate) fn nth_newest(&self, count: usize) -> Result<Option<i64>, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT id FROM v ORDER BY id DESC LIMIT 1 OFFSET ?")?;
        Ok(statement.query_row([to_sql(count as u64)], |sql| sql.get(0)).optional()?)
    }

    /// Key of a version, without reading its value.
    pub(crate) fn key(&self, id: i64) -> Result<Option<Box<[u8]>>, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT k FROM v WHERE id = ?")?;
        Ok(statement.query_row([id], |sql| Ok(sql.get_ref(0)?.as_blob()?.into())).optional()?)
    }

    /// Notes that a version was used, if it is still there, and its new ends where they changed.
    pub(crate) fn touch(
        &self,
        hash: u128,
        id: i64,
        used_ms: u64,
        ends: Option<(u64, u64)>,
    ) -> Result<(), Trouble> {
        let (fresh, gone) = ends.map(|(fresh, gone)| (to_sql(fresh), to_sql(gone))).unzip();
        let mut update = self.0.prepare_cached(
            "UPDATE m SET hits = min(hits + 1, ?6), used = max(used, ?3), fresh = coalesce(?4, fresh),
             gone = coalesce(?5, gone) WHERE h = ?1 AND id = ?2",
        )?;
        update.execute(params![hash_bytes(hash), id, to_sql(used_ms), fresh, gone, MAX_HITS])?;
        Ok(())
    }

    /// The entries of a tier whose place in the queue of eviction comes first.
    pub(crate) fn first_in_queue(&self, tier: i64, most: usize) -> Result<Vec<Candidate>, Trouble> {
        let sql = format!("SELECT h, {COLUMNS} FROM m WHERE tier = ? ORDER BY pos LIMIT ?");
        self.candidates(&sql, params![tier, to_sql(most as u64)])
    }

    /// Entries that are not even stale any more.
    pub(crate) fn expired(&self, now_ms: u64, most: usize) -> Result<Vec<Candidate>, Trouble> {
        let sql = format!("SELECT h, {COLUMNS} FROM m WHERE gone <= ? ORDER BY gone LIMIT ?");
        self.candidates(&sql, params![to_sql(now_ms), to_sql(most as u64)])
    }

    /// Entries of a namespace and below, in one tier or both, after `after` in the order of hashes.
    pub(crate) fn of_namespace(
        &self,
        namespace: &Namespace,
        tier: Option<i64>,
        after: u128,
        most: usize,
    ) -> Result<Vec<Candidate>, Trouble> {
        let sql = format!(
            "SELECT h, {COLUMNS} FROM m
             WHERE h > ?1 AND (ns = ?2 OR substr(ns, 1, length(?3)) = ?3) AND (?4 IS NULL OR tier = ?4)
             ORDER BY h LIMIT ?5"
        );
        let below = [namespace.bytes(), &[0]].concat();
        self.candidates(&sql, params![hash_bytes(after), namespace.bytes(), below, tier, to_sql(most as u64)])
    }

    /// Entries after `after` in the order of hashes, of a namespace and below or of all, in one tier or both, with tags or not.
    pub(crate) fn after(
        &self,
        namespace: Option<&Namespace>,
        tier: Option<i64>,
        tagged_only: bool,
        after: u128,
        most: usize,
    ) -> Result<Vec<Candidate>, Trouble> {
        let sql = format!(
            "SELECT h, {COLUMNS} FROM m WHERE h > ?1 AND (?2 IS NULL OR ns = ?2 OR substr(ns, 1, length(?3)) = ?3)
             AND (?4 IS NULL OR tier = ?4) AND tagged >= ?5 ORDER BY h LIMIT ?6"
        );
        let own = namespace.map(Namespace::bytes);
        let below = own.map(|own| [own, &[0]].concat());
        self.candidates(&sql, params![hash_bytes(after), own, below, tier, tagged_only, to_sql(most as u64)])
    }

    /// Entries with a tag.
    pub(crate) fn tagged(&self, namespace: &[u8], tag: &str, most: usize) -> Result<Vec<Candidate>, Trouble> {
        let sql = format!("SELECT h, {COLUMNS} FROM m WHERE h IN (SELECT h FROM t WHERE tag = ? LIMIT ?)");
        self.candidates(&sql, params![tag_bytes(namespace, tag), to_sql(most as u64)])
    }

    /// The entries that were used last, most recent first: O(n log n).
    pub(crate) fn most_used(&self, namespace: &[u8], now_ms: u64, most: u64) -> Result<Vec<u128>, Trouble> {
        let mut statement = self.0.prepare_cached(
            "SELECT h FROM m WHERE ns = ?1 AND fresh > ?2 ORDER BY hits DESC, used DESC LIMIT ?3",
        )?;
        let rows = statement
            .query_map(params![namespace, to_sql(now_ms), to_sql(most)], |sql| sql.get::<_, [u8; 16]>(0))?;
        Ok(rows.map(|hash| hash.map(u128::from_be_bytes)).collect::<Result<_, _>>()?)
    }

    /// Totals of L2 and L3. O(1).
    pub(crate) fn totals(&self) -> Result<[Total; 2], Trouble> {
        self.read_totals("SELECT tier, n, stored, raw FROM s WHERE tier > 0")
    }

    /// What there is of each tier. O(n).
    pub(crate) fn counted(&self) -> Result<[Total; 2], Trouble> {
        self.read_totals("SELECT tier, count(*), sum(stored), sum(raw) FROM m GROUP BY tier")
    }

    /// Removes values and tags that belong to no entry; how many. O(n).
    pub(crate) fn remove_orphans(&self) -> Result<usize, Trouble> {
        let values = self.0.execute("DELETE FROM v WHERE id NOT IN (SELECT id FROM m)", [])?;
        let tags = self.0.execute("DELETE FROM t WHERE h NOT IN (SELECT h FROM m)", [])?;
        Ok(values + tags)
    }

    /// Counts anew and mends the totals. O(n).
    pub(crate) fn recount(&self) -> Result<(), Trouble> {
        let counted = self.counted()?;
        if counted != self.totals()? {
            for (tier, total) in [(L2, counted[0]), (L3, counted[1])] {
                self.0
                    .prepare_cached("UPDATE s SET n = ?2, stored = ?3, raw = ?4 WHERE tier = ?1")?
                    .execute(params![tier, to_sql(total.entries), to_sql(total.stored), to_sql(total.raw)])?;
            }
        }
        Ok(())
    }

    /// A compression dictionary.
    pub(crate) fn dictionary(&self, id: u32) -> Result<Option<Vec<u8>>, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT data FROM d WHERE id = ?")?;
        Ok(statement.query_row([id], |sql| sql.get(0)).optional()?)
    }

    /// The dictionary made last, with the volume and the fraction that it was made with.
    pub(crate) fn newest_dictionary(&self) -> Result<Option<(Vec<u8>, u64, f64)>, Trouble> {
        let mut statement =
            self.0.prepare_cached("SELECT data, volume, fraction FROM d ORDER BY n DESC LIMIT 1")?;
        let found = statement.query_row([], |sql| Ok((sql.get(0)?, from_sql(sql.get(1)?), sql.get(2)?)));
        Ok(found.optional()?)
    }

    /// Bytes of all dictionaries.
    pub(crate) fn dictionary_bytes(&self) -> Result<u64, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT coalesce(sum(length(data)), 0) FROM d")?;
        Ok(from_sql(statement.query_row([], |sql| sql.get(0))?))
    }

    /// Adds a dictionary and gives up the oldest beyond `most`; entries that need one of those become misses.
    pub(crate) fn add_dictionary(
        &self,
        id: u32,
        data: &[u8],
        volume: u64,
        fraction: f64,
        most: u32,
    ) -> Result<(), Trouble> {
        self.0.execute(
            "INSERT OR IGNORE INTO d (id, data, volume, fraction) VALUES (?, ?, ?, ?)",
            params![id, data, to_sql(volume), fraction],
        )?;
        self.0.execute("DELETE FROM d WHERE n <= (SELECT max(n) FROM d) - ?", [most])?;
        Ok(())
    }

    /// Takes the lease of a key unless somebody holds it: 0, or Unix ms until which it is held.
    pub(crate) fn acquire(&self, hash: u128, token: i64, until_ms: u64, now_ms: u64) -> Result<u64, Trouble> {
        let mut select = self.0.prepare_cached("SELECT until FROM l WHERE h = ? AND until > ?")?;
        let held =
            select.query_row(params![hash_bytes(hash), to_sql(now_ms)], |sql| sql.get(0)).optional()?;
        if let Some(until) = held {
            return Ok(from_sql(until));
        }
        let mut insert =
            self.0.prepare_cached("INSERT OR REPLACE INTO l (h, token, until) VALUES (?, ?, ?)")?;
        insert.execute(params![hash_bytes(hash), token, to_sql(until_ms)])?;
        Ok(0)
    }

    /// Prolongs a lease; whether it is still ours.
    pub(crate) fn renew(&self, hash: u128, token: i64, until_ms: u64) -> Result<bool, Trouble> {
        let mut update = self.0.prepare_cached("UPDATE l SET until = ?3 WHERE h = ?1 AND token = ?2")?;
        Ok(update.execute(params![hash_bytes(hash), token, to_sql(until_ms)])? > 0)
    }

    /// Gives a lease back.
    pub(crate) fn release(&self, hash: u128, token: i64) -> Result<(), Trouble> {
        let mut delete = self.0.prepare_cached("DELETE FROM l WHERE h = ? AND token = ?")?;
        delete.execute(params![hash_bytes(hash), token])?;
        Ok(())
    }

    /// Removes leases that ran out.
    pub(crate) fn drop_leases(&self, now_ms: u64) -> Result<(), Trouble> {
        self.0.prepare_cached("DELETE FROM l WHERE until <= ?")?.execute([to_sql(now_ms)])?;
        Ok(())
    }

    fn read_totals(&self, sql: &str) -> Result<[Total; 2], Trouble> {
        let mut totals = [Total::default(); 2];
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let tier: i64 = row.get(0)?;
            if let Some(total) = totals.get_mut(usize::from(tier == L3)) {
                *total = Total {
                    entries: from_sql(row.get(1)?),
                    stored: from_sql(row.get(2)?),
                    raw: from_sql(row.get(3)?),
                };
            }
        }
        Ok(totals)
    }

    /// The last id given.
    pub(crate) fn last_id(&self) -> Result<i64, Trouble> {
        let mut statement = self.0.prepare_cached("SELECT n FROM s WHERE tier = 0")?;
        Ok(statement.query_row([], |sql| sql.get(0))?)
    }

    fn candidates(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Candidate>, Trouble> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map(params, candidate)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A tag as it is stored: tags of two namespaces are two.
pub(super) fn tag_bytes(namespace: &[u8], tag: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(namespace.len() + tag.len() + 8);
    bytes.extend_from_slice(&(namespace.len() as u64).to_be_bytes());
    bytes.extend_from_slice(namespace);
    bytes.extend_from_slice(tag.as_bytes());
    bytes
}
