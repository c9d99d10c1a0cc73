//! A transaction that changes entries, and what has to be written once for all of them: totals and ids.

use std::cell::Cell;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::db::{Trouble, hash_bytes, to_sql};
use super::tables::{Candidate, L2, L3, ROW_BYTES, Tables, tag_bytes};

/// An entry to insert.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    pub(crate) hash: u128,
    pub(crate) tier: i64,
    pub(crate) raw: u64,
    pub(crate) fresh_ms: u64,
    pub(crate) gone_ms: u64,
    pub(crate) used_ms: u64,
    pub(crate) namespace: &'a [u8],
    pub(crate) tags: &'a [Box<str>],
    pub(crate) key: &'a [u8],
    pub(crate) blob: &'a [u8],
}

/// What a transaction changes of a tier's totals.
#[derive(Debug, Clone, Copy, Default)]
struct Change {
    entries: i64,
    stored: i64,
    raw: i64,
}

/// A transaction that holds the database's write lock. Rolled back if it is not committed.
pub(crate) struct Batch<'c> {
    transaction: Transaction<'c>,
    /// The last id given, and whether it is this batch's.
    last_id: Cell<i64>,
    first_id: i64,
    changes: Cell<[Change; 2]>,
}

impl<'c> Batch<'c> {
    /// Takes the write lock; waits for it as long as the connection does.
    pub(crate) fn begin(connection: &'c mut Connection) -> Result<Self, Trouble> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let first_id = Tables(&transaction).last_id()?;
        Ok(Self { transaction, last_id: Cell::new(first_id), first_id, changes: Cell::default() })
    }

    /// For reading, and for what changes no totals.
    pub(crate) fn tables(&self) -> Tables<'_> {
        Tables(&self.transaction)
    }

    /// Makes it all hold.
    pub(crate) fn commit(self) -> Result<(), Trouble> {
        for (tier, change) in [L2, L3].into_iter().zip(self.changes.get()) {
            if change.entries != 0 || change.stored != 0 {
                self.transaction
                    .prepare_cached(
                        "UPDATE s SET n = n + ?2, stored = stored + ?3, raw = raw + ?4 WHERE tier = ?1",
                    )?
                    .execute(params![tier, change.entries, change.stored, change.raw])?;
            }
        }
        if self.last_id.get() != self.first_id {
            self.transaction
                .prepare_cached("UPDATE s SET n = ? WHERE tier = 0")?
                .execute([self.last_id.get()])?;
        }
        self.transaction.commit()?;
        Ok(())
    }

    /// Inserts an entry in place of one of the same key; its version.
    pub(crate) fn put(&self, new: &NewRow<'_>) -> Result<i64, Trouble> {
        self.delete(new.hash)?;
        let id = self.next_id();
        let stored = new.blob.len() as u64 + new.key.len() as u64 + ROW_BYTES;
        let mut insert = self.transaction.prepare_cached("INSERT INTO v (id, k, data) VALUES (?, ?, ?)")?;
        insert.execute(params![id, new.key, new.blob])?;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO m (h, id, tier, pos, hits, stored, raw, fresh, gone, used, ns, tagged)
             VALUES (?1, ?2, ?3, ?2, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        insert.execute(params![
            hash_bytes(new.hash),
            id,
            new.tier,
            to_sql(stored),
            to_sql(new.raw),
            to_sql(new.fresh_ms),
            to_sql(new.gone_ms),
            to_sql(new.used_ms),
            new.namespace,
            !new.tags.is_empty(),
        ])?;
        if !new.tags.is_empty() {
            let mut insert =
                self.transaction.prepare_cached("INSERT OR IGNORE INTO t (tag, h) VALUES (?, ?)")?;
            for tag in new.tags {
                insert.execute(params![tag_bytes(new.namespace, tag), hash_bytes(new.hash)])?;
            }
        }
        self.count(new.tier, 1, to_sql(stored), to_sql(new.raw));
        Ok(id)
    }

    /// Removes a key's entry; whether there was one.
    pub(crate) fn delete(&self, hash: u128) -> Result<bool, Trouble> {
        let Some(row) = self.tables().row(hash)? else { return Ok(false) };
        self.delete_row(&Candidate { hash, row })?;
        Ok(true)
    }

    /// Removes an entry whose row is known.
    pub(crate) fn delete_row(&self, Candidate { hash, row }: &Candidate) -> Result<(), Trouble> {
        self.transaction.prepare_cached("DELETE FROM m WHERE h = ?")?.execute([hash_bytes(*hash)])?;
        self.transaction.prepare_cached("DELETE FROM v WHERE id = ?")?.execute([row.id])?;
        if row.is_tagged {
            self.transaction.prepare_cached("DELETE FROM t WHERE h = ?")?.execute([hash_bytes(*hash)])?;
        }
        self.count(row.tier, -1, -row.stored, -row.raw);
        Ok(())
    }

    /// Puts another blob in place of an entry's: it goes to another tier. Its version.
    pub(crate) fn move_to(
        &self,
        moved: &Candidate,
        tier: i64,
        key: &[u8],
        blob: &[u8],
    ) -> Result<i64, Trouble> {
        let stored = to_sql(blob.len() as u64 + key.len() as u64 + ROW_BYTES);
        self.transaction.prepare_cached("DELETE FROM v WHERE id = ?")?.execute([moved.row.id])?;
        let id = self.next_id();
        self.transaction
            .prepare_cached("INSERT INTO v (id, k, data) VALUES (?, ?, ?)")?
            .execute(params![id, key, blob])?;
        self.transaction
            .prepare_cached("UPDATE m SET id = ?2, tier = ?3, pos = ?2, hits = 0, stored = ?4 WHERE h = ?1")?
            .execute(params![hash_bytes(moved.hash), id, tier, stored])?;
        self.count(moved.row.tier, -1, -moved.row.stored, -moved.row.raw);
        self.count(tier, 1, stored, moved.row.raw);
        Ok(id)
    }

    /// Sends an entry that was used to the end of its tier's queue.
    pub(crate) fn requeue(&self, hash: u128, hits: i64) -> Result<(), Trouble> {
        let mut update = self.transaction.prepare_cached("UPDATE m SET hits = ?2, pos = ?3 WHERE h = ?1")?;
        update.execute(params![hash_bytes(hash), hits, self.next_id()])?;
        Ok(())
    }

    /// Ids are never used twice: they are versions, and places in the queue of eviction.
    fn next_id(&self) -> i64 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    fn count(&self, tier: i64, entries: i64, stored: i64, raw: i64) {
        let mut changes = self.changes.get();
        let change = &mut changes[usize::from(tier == L3)];
        change.entries += entries;
        change.stored += stored;
        change.raw += raw;
        self.changes.set(changes);
    }
}
