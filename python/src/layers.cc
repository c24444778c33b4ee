// Selection of layers within budgets.
#include <algorithm>
#include <string>

#include "assay/layers_results.h"
#include "assay/layers_selection.h"
#include "bindings.h"

namespace assay::python {
namespace {

/// First and last layer; -1 and -1 where there are none.
using Assignments = std::vector<std::pair<std::int64_t, std::int64_t>>;

Assignments to_assignments(const std::vector<layers::LayerRun>& runs) {
  Assignments assignments;
  for (const layers::LayerRun& run : runs)
    assignments.emplace_back(run.empty() ? -1 : std::int64_t{run.begin}, std::int64_t{run.end} - 1);
  return assignments;
}

/// What does not fit 64 bits without a sign is as far outside the costs that are taken as 0 is.
std::vector<std::uint64_t> to_costs(const std::vector<std::int64_t>& costs) {
  std::vector<std::uint64_t> positive;
  positive.reserve(costs.size());
  for (const std::int64_t cost : costs)
    positive.push_back(static_cast<std::uint64_t>(std::max<std::int64_t>(cost, 0)));
  return positive;
}

layers::SelectionProblem to_problem(std::vector<double> values, const std::vector<std::int64_t>& costs,
                                    const std::vector<double>& budgets) {
  return unwrap(layers::SelectionProblem::make(std::move(values), to_costs(costs), budgets));
}

layers::Order to_order(std::string_view name) {
  const std::optional<layers::Order> order = layers::order_from(name);
  if (!order) throw Failure{{ErrorCode::kMalformed, "order", "it is not free, fixed or greedy"}};
  return *order;
}

/// Model, then of each layer its name, value and cost.
using PlainScores =
    std::tuple<std::string, std::vector<std::string>, std::vector<double>, std::vector<std::uint64_t>>;

PlainScores to_plain(const layers::Scores& scores) {
  PlainScores plain;
  auto& [model, names, values, costs] = plain;
  model = scores.model_name;
  for (const layers::LayerScore& layer : scores.layers) {
    names.push_back(layer.name);
    values.push_back(layer.significance_score);
    costs.push_back(layer.num_parameters);
  }
  return plain;
}

using Selected = std::tuple<Assignments, double, double, bool, double>;
using Drawn = std::tuple<nb::bytes, std::vector<Assignments>, std::vector<double>>;

}  // namespace

void bind_layers(nb::module_& m) {
  m.attr("layers_foreseeable") = std::string(layers::kForeseeable);
  m.def(
      "layers_select",
      [](std::vector<double> values, const std::vector<std::int64_t>& costs,
         const std::vector<double>& budgets, std::string_view order, double seconds) -> Selected {
        const layers::SelectionProblem problem = to_problem(std::move(values), costs, budgets);
        const layers::Order wanted = to_order(order);
        const layers::Selection found =
            without_gil([&] { return layers::select(problem, wanted, {seconds}); });
        return {to_assignments(found.runs), found.value, found.upper_bound, found.proven_optimal,
                found.fixed_order_value};
      },
      nb::arg("values"), nb::arg("costs"), nb::arg("budgets"), nb::arg("order"), nb::arg("seconds"));
  m.def(
      "layers_draw",
      [](std::vector<double> values, const std::vector<std::int64_t>& costs,
         const std::vector<double>& budgets, std::string_view order, double seconds, std::uint64_t count,
         std::uint64_t simulated) -> Drawn {
        const layers::SelectionProblem problem = to_problem(std::move(values), costs, budgets);
        const layers::DrawOptions options{count, simulated, to_order(order), {seconds}};
        const layers::Draws draws = unwrap(without_gil([&] { return layers::draw(problem, options); }));
        std::vector<Assignments> drawn;
        for (const layers::Drawn& one : draws.drawn) drawn.push_back(to_assignments(one.runs));
        return {to_python(draws.key), drawn, draws.chance};
      },
      nb::arg("values"), nb::arg("costs"), nb::arg("budgets"), nb::arg("order"), nb::arg("seconds"),
      nb::arg("count"), nb::arg("simulated"));
  m.def(
      "layers_read_scores",
      [](const std::string& path) {
        return to_plain(unwrap_read(without_gil([&] { return layers::Scores::read(path); })));
      },
      nb::arg("path"));
  m.def(
      "layers_write_selection",
      [](const std::string& scores_path, const std::vector<double>& budgets, std::string_view order,
         double seconds, const std::string& path, bool pretty) {
        const layers::Order wanted = to_order(order);
        without_gil([&] {
          const layers::Scores scores = unwrap_read(layers::Scores::read(scores_path));
          const auto problem = unwrap(layers::SelectionProblem::make(scores, budgets));
          const layers::Selection found = layers::select(problem, wanted, {seconds});
          unwrap(layers::SelectionResult::of(scores, problem, found, scores_path).write(path, pretty));
        });
      },
      nb::arg("scores_path"), nb::arg("budgets"), nb::arg("order"), nb::arg("seconds"), nb::arg("path"),
      nb::arg("pretty"));
  m.def(
      "layers_check",
      [](const std::string& path, const std::string& scores_path,
         const std::optional<std::vector<double>>& budgets) {
        return without_gil([&] {
          const layers::Scores scores = unwrap_read(layers::Scores::read(scores_path));
          const auto result = unwrap_read(layers::SelectionResult::read(path));
          return unwrap(layers::check_selection(result, scores, budgets));
        });
      },
      nb::arg("path"), nb::arg("scores_path"), nb::arg("budgets").none());
}

}  // namespace assay::python
