//! Which agents run together: batches of at most three, whoever depends on others after them.
//!
//! Where tasks say what they depend on, that is the order. Where they do not, words in their descriptions stand for known
//! chains of agents. What tasks say is read in `schedule/tasks.rs`, made a graph in `schedule/graph.rs`; here its levels are
//! packed into batches. Nothing is run here, and how long an agent takes is not known.

mod graph;
mod tasks;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use super::raw;
use crate::base::error::Result;
use graph::Plan;

/// Most agents of a batch.
pub const MAX_BATCH: usize = 3;

/// The agent that shares no batch: it changes what all others run on.
pub const ALONE: &str = "devops-specialist";

/// The batches, and what was wrong with the tasks' order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Schedule {
    /// Every given agent once; a batch in the given order.
    pub batches: Vec<Vec<String>>,
    /// Agents that wait for each other, in the given order. Among themselves, only those dependencies count that agree
    /// with the given order.
    pub cycles: Vec<Vec<String>>,
    /// What tasks depend on that is no task's id or name and no agent.
    pub unknown: Vec<String>,
}

/// Batches of `agents` for `tasks`, the JSON of an array.
///
/// A task is a description, or an object with any of `id`, `name`, `description`, `agent`, `assignedTo`, `agents`,
/// `dependsOn`, `dependencies`; anything else is ignored. An agent waits for the agents of the tasks that its own tasks
/// depend on, also through tasks of no given agent; what a task depends on is looked up among ids, then names, then
/// agents. Agents who share both of two tasks do not wait for each other because of them.
///
/// By description (whole words, plural too, in any case): `ui` or `frontend` puts `frontend-specialist` before
/// `testing-specialist`; `api` or `backend` puts `backend-specialist`, `database-specialist`, `testing-specialist` in that
/// order. If any task says what it depends on, these only place agents that have no task. `devops-specialist` shares no
/// batch.
///
/// O(text + agents · log(agents)), and for each two tasks of which one depends on the other their agents.
///
/// # Errors
/// `E_INVALID_ARGUMENT` when `tasks` is not JSON, or has white space between its parts.
///
/// ```
/// use agentwise_optimization::tokens::schedule::schedule;
///
/// let agents = ["testing-specialist", "backend-specialist", "writer"].map(String::from);
/// let schedule = schedule(&agents, r#"[{"description":"Add an API"}]"#)?;
/// assert_eq!(schedule.batches, [vec!["backend-specialist", "writer"], vec!["testing-specialist"]]);
/// # Ok::<(), agentwise_optimization::base::error::Error>(())
/// ```
pub fn schedule(agents: &[String], tasks: &str) -> Result<Schedule> {
    raw::check(tasks, "tasks")?;
    let mut seen = HashSet::new();
    let agents: Vec<&str> = agents.iter().map(String::as_str).filter(|agent| seen.insert(*agent)).collect();
    let tasks = tasks::read(tasks);
    let plan = Plan::of(&agents, &tasks);
    let names = |group: &Vec<usize>| group.iter().map(|&agent| agents[agent].to_owned()).collect();
    let alone = agents.iter().position(|agent| *agent == ALONE);
    Ok(Schedule {
        batches: pack(agents.len(), &plan.waits_for, alone).iter().map(names).collect(),
        cycles: plan.cycles.iter().map(names).collect(),
        unknown: plan.unknown,
    })
}

/// Batches of the first `agents` nodes of an acyclic graph, by who waits for whom; the other nodes take no time.
///
/// Of those who wait for nobody any more, those with the longest chain of agents behind them go first, then the given
/// order: the fewest batches where the chains form trees (Hu 1961), and nobody waits where there is room. The batch of the one who shares none costs the same at any time, so it comes at once if others wait for it.
fn pack(agents: usize, waits_for: &[Vec<usize>], alone: Option<usize>) -> Vec<Vec<usize>> {
    let mut followers = vec![Vec::new(); waits_for.len()];
    for (node, others) in waits_for.iter().enumerate() {
        for &other in others {
            followers[other].push(node);
        }
    }
    let behind = chains_behind(agents, waits_for, &followers);
    let mut waiting: Vec<usize> = waits_for.iter().map(Vec::len).collect();
    let mut free: Vec<usize> = (0..waits_for.len()).filter(|&node| waiting[node] == 0).collect();
    let mut ready = BTreeSet::new();
    let mut batches = Vec::new();
    loop {
        while let Some(node) = free.pop() {
            if node < agents {
                ready.insert((Reverse(behind[node]), node));
            } else {
                free.extend(released(&followers[node], &mut waiting));
            }
        }
        let Some(&(_, first)) = ready.first() else { return batches };
        let others_wait =
            alone.filter(|&alone| behind[alone] > 0 && ready.contains(&(Reverse(behind[alone]), alone)));
        let mut batch: Vec<usize> = if let Some(alone) = others_wait {
            vec![alone]
        } else if alone == Some(first) {
            vec![first]
        } else {
            let others = ready.iter().map(|&(_, agent)| agent).filter(|&agent| Some(agent) != alone);
            others.take(MAX_BATCH).collect()
        };
        batch.sort_unstable();
        for &agent in &batch {
            ready.remove(&(Reverse(behind[agent]), agent));
            free.extend(released(&followers[agent], &mut waiting));
        }
        batches.push(batch);
    }
}

/// Those of the followers who wait for nobody any more, now that one is done.
fn released(followers: &[usize], waiting: &mut [usize]) -> Vec<usize> {
    let mut free = Vec::new();
    for &follower in followers {
        waiting[follower] -= 1;
        if waiting[follower] == 0 {
            free.push(follower);
        }
    }
    free
}

/// For each node the most agents that wait for it and for each other in a row.
fn chains_behind(agents: usize, waits_for: &[Vec<usize>], followers: &[Vec<usize>]) -> Vec<usize> {
    let mut behind = vec![0; waits_for.len()];
    let mut left: Vec<usize> = followers.iter().map(Vec::len).collect();
    let mut ends: Vec<usize> = (0..waits_for.len()).filter(|&node| left[node] == 0).collect();
    while let Some(node) = ends.pop() {
        let with_this = behind[node] + usize::from(node < agents);
        for &other in &waits_for[node] {
            behind[other] = behind[other].max(with_this);
            left[other] -= 1;
            if left[other] == 0 {
                ends.push(other);
            }
        }
    }
    behind
}
