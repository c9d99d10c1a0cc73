//! Who waits for whom: from tasks to an acyclic graph.
//!
//! It has a node for each agent, and one for whatever else stands between agents: a task of no given agent, a name that
//! several tasks have, both ends of a cycle. Those take no time, and spare an edge from each agent to each other.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::tasks::{CHAINS, Task};

/// The order of the agents, by position.
pub(super) struct Plan {
    /// For each node those it waits for directly. Agents come first, by position; other nodes take no time. Acyclic.
    pub(super) waits_for: Vec<Vec<usize>>,
    /// Agents that wait for each other.
    pub(super) cycles: Vec<Vec<usize>>,
    /// What was depended on and is not known, in the order of the tasks, each once.
    pub(super) unknown: Vec<String>,
}

impl Plan {
    /// The order that `tasks` give to `agents`, which are distinct.
    pub(super) fn of(agents: &[&str], tasks: &[Task<'_>]) -> Self {
        let mut graph = Graph::new(agents, tasks);
        let unknown = graph.add_tasks(tasks);
        graph.add_chains(tasks);
        let (waits_for, cycles) = graph.without_cycles();
        Self { waits_for, cycles, unknown }
    }
}

/// Nodes that do one thing together, ascending.
type Team = Vec<usize>;

struct Graph<'a> {
    agents: HashMap<&'a str, usize>,
    /// For each node those that it waits for; agents come first.
    edges: Vec<Vec<usize>>,
    teams: Vec<Team>,
    /// By team of several the node that waits for all of it.
    wholes: HashMap<usize, usize>,
    /// The team of each task.
    team_of: Vec<usize>,
    has_task: Vec<bool>,
}

impl<'a> Graph<'a> {
    fn new(agents: &[&'a str], tasks: &[Task<'_>]) -> Self {
        let by_name: HashMap<&str, usize> =
            agents.iter().enumerate().map(|(at, agent)| (*agent, at)).collect();
        let mut graph = Self {
            agents: by_name,
            edges: vec![Vec::new(); agents.len()],
            teams: Vec::new(),
            wholes: HashMap::new(),
            team_of: Vec::with_capacity(tasks.len()),
            has_task: vec![false; agents.len()],
        };
        let mut known: HashMap<Team, usize> = HashMap::new();
        for task in tasks {
            let mut team: Team =
                task.agents.iter().filter_map(|agent| graph.agents.get(agent.as_ref()).copied()).collect();
            team.sort_unstable();
            team.dedup();
            for &agent in &team {
                graph.has_task[agent] = true;
            }
            if team.is_empty() {
                team.push(graph.add_node());
            }
            let next = graph.teams.len();
            let id = *known.entry(team.clone()).or_insert(next);
            if id == next {
                graph.teams.push(team);
            }
            graph.team_of.push(id);
        }
        graph
    }

    fn add_node(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.edges.len() - 1
    }

    /// A team of one node that waits for all of these teams.
    fn add_group(&mut self, teams: &BTreeSet<usize>) -> usize {
        let node = self.add_node();
        let members: BTreeSet<usize> =
            teams.iter().flat_map(|&team| self.teams[team].iter().copied()).collect();
        self.edges[node] = members.into_iter().collect();
        self.teams.push(vec![node]);
        self.teams.len() - 1
    }

    /// Adds what tasks depend on; gives what is not known.
    fn add_tasks(&mut self, tasks: &[Task<'_>]) -> Vec<String> {
        let mut targets = Targets::default();
        for (task, &team) in tasks.iter().zip(&self.team_of) {
            targets.add(task, team, &self.agents);
        }
        let mut found: HashMap<&str, Option<usize>> = HashMap::new();
        let mut unknown = Vec::new();
        let mut pairs = HashSet::new();
        for (at, task) in tasks.iter().enumerate() {
            for name in &task.depends_on {
                let target = *found.entry(name).or_insert_with(|| {
                    let target = self.target(name, &targets);
                    if target.is_none() {
                        unknown.push(name.to_string());
                    }
                    target
                });
                if let Some(target) = target
                    && pairs.insert((self.team_of[at], target))
                {
                    self.add_edges(self.team_of[at], target);
                }
            }
        }
        unknown
    }

    /// The team that `name` stands for.
    fn target(&mut self, name: &str, targets: &Targets<'_>) -> Option<usize> {
        let teams = targets.ids.get(name).or_else(|| targets.names.get(name));
        let teams = match (teams, self.agents.get(name)) {
            (Some(teams), _) => teams,
            (None, Some(&agent)) => {
                self.teams.push(vec![agent]);
                return Some(self.teams.len() - 1);
            }
            (None, None) => targets.other_agents.get(name)?,
        };
        match teams.first() {
            Some(&only) if teams.len() == 1 => Some(only),
            _ => Some(self.add_group(teams)),
        }
    }

    /// The one team waits for the other; those who are in both do not wait for each other.
    fn add_edges(&mut self, waiting: usize, target: usize) {
        let whole = self.whole(target);
        let (target, others) = (&self.teams[target], &self.teams[waiting]);
        let (both, waiting): (Team, Team) =
            others.iter().partition(|node| target.binary_search(node).is_ok());
        let only_target: Team =
            target.iter().copied().filter(|node| both.binary_search(node).is_err()).collect();
        for node in waiting {
            self.edges[node].push(whole);
        }
        if both.is_empty() || only_target.is_empty() {
            return;
        }
        let between = self.add_node();
        self.edges[between] = only_target;
        for node in both {
            self.edges[node].push(between);
        }
    }

    /// The node that waits for all of a team.
    fn whole(&mut self, team: usize) -> usize {
        if let [only] = self.teams[team][..] {
            return only;
        }
        if let Some(&node) = self.wholes.get(&team) {
            return node;
        }
        let node = self.add_node();
        self.edges[node].clone_from(&self.teams[team]);
        self.wholes.insert(team, node);
        node
    }

    /// Adds the chains that descriptions name, where the tasks themselves do not say otherwise.
    fn add_chains(&mut self, tasks: &[Task<'_>]) {
        let has_order = tasks.iter().any(|task| task.has_order);
        for (at, chain) in CHAINS.iter().enumerate() {
            if !tasks.iter().any(|task| task.chains[at]) {
                continue;
            }
            let given: Vec<usize> =
                chain.agents.iter().filter_map(|agent| self.agents.get(agent).copied()).collect();
            for (position, &later) in given.iter().enumerate() {
                for &earlier in &given[..position] {
                    let is_told = has_order && self.has_task[earlier] && self.has_task[later];
                    if !is_told && !self.reaches(earlier, later) {
                        self.edges[later].push(earlier);
                    }
                }
            }
        }
    }

    /// Whether `from` waits for `to`, directly or not.
    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.edges.len()];
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            if node == to {
                return true;
            }
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(self.edges[node].iter().copied().filter(|&next| !seen[next]));
            }
        }
        false
    }

    /// The graph without cycles, and the cycles of agents.
    ///
    /// What waits for any part of a cycle waits for all of it.
    fn without_cycles(mut self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        for edges in &mut self.edges {
            edges.sort_unstable();
            edges.dedup();
        }
        let agents = self.agents.len();
        let (component_of, components) = components(&self.edges);
        let mut waits_for: Vec<Vec<usize>> = vec![Vec::new(); agents];
        let mut cycles = Vec::new();
        // For each component the node that stands for all of it with those who wait for it.
        let mut exits: Vec<usize> = Vec::with_capacity(components.len());
        let add_node = |edges: Vec<usize>, waits_for: &mut Vec<Vec<usize>>| {
            waits_for.push(edges);
            waits_for.len() - 1
        };
        // Components come after those that they wait for.
        for (component, nodes) in components.iter().enumerate() {
            let outside = nodes.iter().flat_map(|&node| &self.edges[node]).map(|&next| component_of[next]);
            let outside: BTreeSet<usize> =
                outside.filter(|&other| other != component).map(|other| exits[other]).collect();
            let outside: Vec<usize> = outside.into_iter().collect();
            let mut inside: Vec<usize> = nodes.iter().copied().filter(|&node| node < agents).collect();
            inside.sort_unstable();
            exits.push(match inside[..] {
                [] => add_node(outside, &mut waits_for),
                [only] => {
                    waits_for[only] = outside;
                    only
                }
                _ => {
                    let entry = add_node(outside, &mut waits_for);
                    for &agent in &inside {
                        let edges = self.edges[agent].iter().copied();
                        let own = edges.filter(|&next| next < agent && component_of[next] == component);
                        waits_for[agent] = own.chain([entry]).collect();
                    }
                    cycles.push(inside.clone());
                    add_node(inside, &mut waits_for)
                }
            });
        }
        cycles.sort_unstable();
        (waits_for, cycles)
    }
}

/// Teams by what a dependency can call them.
#[derive(Default)]
struct Targets<'t> {
    ids: HashMap<&'t str, BTreeSet<usize>>,
    names: HashMap<&'t str, BTreeSet<usize>>,
    /// Agents that have tasks but were not given.
    other_agents: HashMap<&'t str, BTreeSet<usize>>,
}

impl<'t> Targets<'t> {
    fn add(&mut self, task: &'t Task<'_>, team: usize, given: &HashMap<&str, usize>) {
        if let Some(id) = &task.id {
            self.ids.entry(id).or_default().insert(team);
        }
        if let Some(name) = &task.name {
            self.names.entry(name).or_default().insert(team);
        }
        for agent in task.agents.iter().filter(|agent| !given.contains_key(agent.as_ref())) {
            self.other_agents.entry(agent).or_default().insert(team);
        }
    }
}

/// Strongly connected components, each after those that it has edges to; the component of each node comes first.
///
/// Tarjan's algorithm (1972) with a stack of its own.
fn components(edges: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; edges.len()];
    let mut lowest = vec![0; edges.len()];
    let mut component_of = vec![UNSEEN; edges.len()];
    let mut components: Vec<Vec<usize>> = Vec::new();
    let mut pending = Vec::new();
    let mut next_order = 0;
    for root in 0..edges.len() {
        // Node, and which of its edges is next.
        let mut path = if order[root] == UNSEEN { vec![(root, 0)] } else { Vec::new() };
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            if *edge == 0 {
                order[node] = next_order;
                lowest[node] = next_order;
                next_order += 1;
                pending.push(node);
            }
            let next = edges[node].get(*edge).copied();
            *edge += 1;
            match next {
                Some(next) if order[next] == UNSEEN => path.push((next, 0)),
                Some(next) if component_of[next] == UNSEEN => lowest[node] = lowest[node].min(order[next]),
                Some(_) => {}
                None => {
                    path.pop();
                    if let Some(&(parent, _)) = path.last() {
                        lowest[parent] = lowest[parent].min(lowest[node]);
                    }
                    if lowest[node] == order[node] {
                        let start = pending.iter().rposition(|&open| open == node).unwrap_or(0);
                        let nodes = pending.split_off(start);
                        for &member in &nodes {
                            component_of[member] = components.len();
                        }
                        components.push(nodes);
                    }
                }
            }
        }
    }
    (component_of, components)
}
