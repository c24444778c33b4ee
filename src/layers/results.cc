#include "assay/layers_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/try.h"

namespace assay::layers {
namespace {

/// Of all layers' worth: what sums of doubles in another order may differ by.
constexpr double kTolerance = 1e-9;

std::vector<std::uint64_t> blocks_of(const Scores& scores, const LayerRun& run) {
  std::vector<std::uint64_t> blocks;
  if (run.empty()) return blocks;
  for (std::size_t b = 0; b < scores.blocks.size(); ++b) {
    if (scores.blocks[b].start_layer_index < run.end && scores.blocks[b].end_layer_index >= run.begin)
      blocks.push_back(b);
  }
  return blocks;
}

std::string tensor_after(std::uint64_t block) { return fmt::format("layer_{}", block); }

/// Blocks follow each other.
std::vector<std::string> tensors_around(const std::vector<std::uint64_t>& blocks) {
  std::vector<std::string> names;
  if (blocks.empty()) return names;
  names.push_back(blocks.front() == 0 ? "embedding" : tensor_after(blocks.front() - 1));
  for (const std::uint64_t block : blocks) names.push_back(tensor_after(block));
  return names;
}

/// Of a result from these scores.
std::optional<Digest> weights_of(const Scores& scores) {
  if (!scores.assay) return std::nullopt;
  return scores.assay->weights;
}

std::string root_text(const std::optional<Digest>& weights) {
  return weights ? "the root " + to_hex(*weights) : "no weights";
}

/// What a result says something about. Files of the original pipeline say nothing that depends on all budgets
/// together, and may have more verifiers than are selected for here.
Result<SelectionProblem> problem_of(const SelectionResult& result, const Scores& scores) {
  if (!result.assay) return SelectionProblem::make(scores, {1});
  std::vector<double> budgets;
  // A budget below 1 stands in our files as 0, which is no budget for make(). It allows as little.
  for (const Assignment& one : result.assignments) budgets.push_back(std::max(one.budget, 0.5));
  return SelectionProblem::make(scores, budgets);
}

Assignment assignment_of(const Scores& scores, const SelectionProblem& problem, const LayerRun& run,
                         std::uint64_t budget) {
  Assignment assignment;
  assignment.budget = static_cast<double>(budget);
  if (run.empty()) return assignment;
  assignment.start_layer = run.begin;
  assignment.end_layer = std::int64_t{run.end} - 1;
  assignment.cost = problem.cost_of(run);
  assignment.benefit = problem.value_of(run);
  for (std::uint32_t i = run.begin; i < run.end; ++i)
    assignment.layers.push_back({i, scores.layers[i].name, problem.values()[i], problem.costs()[i]});
  return assignment;
}

/// The questions about one result, in their order.
class Check {
 public:
  Check(const SelectionResult& result, const Scores& scores, SelectionProblem problem)
      : result_(result),
        scores_(scores),
        problem_(std::move(problem)),
        taken_(scores.layers.size()),
        tolerance_(kTolerance * problem_.unscaled(problem_.scaled_sums().back())) {}

  Verdict all(const std::optional<std::vector<double>>& budgets) {
    if (budgets) {
      if (Verdict verdict = check_budgets(*budgets); !verdict.ok()) return verdict;
    }
    for (std::size_t k = 0; k < result_.assignments.size(); ++k) {
      if (Verdict verdict = check_run(k); !verdict.ok()) return verdict.at_item(k);
    }
    for (std::size_t k = 0; k < result_.assignments.size(); ++k) {
      if (Verdict verdict = check_sums(k); !verdict.ok()) return verdict.at_item(k);
    }
    if (Verdict verdict = check_totals(); !verdict.ok()) return verdict;
    if (result_.assay) {
      if (Verdict verdict = check_origin(*result_.assay); !verdict.ok()) return verdict;
    }
    return accepted(budgets.has_value());
  }

 private:
  [[nodiscard]] Verdict check_budgets(const std::vector<double>& budgets) const {
    if (budgets.size() != result_.assignments.size())
      return Verdict::rejected("budgets", fmt::format("the result has {} verifiers, {} budgets were given",
                                                      result_.assignments.size(), budgets.size()));
    for (std::size_t k = 0; k < budgets.size(); ++k) {
      if (std::floor(budgets[k]) != std::floor(result_.assignments[k].budget))
        return Verdict::rejected("budgets", fmt::format("verifier {} has the budget {}, the result says {}",
                                                        k + 1, budgets[k], result_.assignments[k].budget))
            .at_item(k);
    }
    return Verdict::accepted();
  }

  Verdict check_run(std::size_t k) {
    const Assignment& one = result_.assignments[k];
    const bool empty = one.start_layer == -1 && one.end_layer == -1;
    const auto layers = static_cast<std::int64_t>(scores_.layers.size());
    if (!empty && (one.start_layer < 0 || one.end_layer < one.start_layer || one.end_layer >= layers))
      return Verdict::rejected("run", fmt::format("verifier {}: layers {} to {} are not a run of {} layers",
                                                  k + 1, one.start_layer, one.end_layer, layers));
    LayerRun& run = runs_.emplace_back();
    if (empty) return Verdict::accepted();
    run = {static_cast<std::uint32_t>(one.start_layer), static_cast<std::uint32_t>(one.end_layer + 1)};
    for (std::uint32_t i = run.begin; i < run.end; ++i) {
      if (taken_[i])
        return Verdict::rejected("overlap", fmt::format("verifier {}: layer {} is another's too", k + 1, i));
      taken_[i] = true;
    }
    cost_ += problem_.cost_of(run);
    value_ += problem_.scaled_sums()[run.end] - problem_.scaled_sums()[run.begin];
    return Verdict::accepted();
  }

  [[nodiscard]] Verdict check_sums(std::size_t k) const {
    const Assignment& one = result_.assignments[k];
    const LayerRun& run = runs_[k];
    const std::uint64_t cost = problem_.cost_of(run);
    if (static_cast<double>(cost) > std::floor(one.budget))
      return Verdict::rejected("budget",
                               fmt::format("verifier {}: layers {} to {} cost {}, the budget is {}", k + 1,
                                           one.start_layer, one.end_layer, cost, one.budget));
    if (one.layers != assignment_of(scores_, problem_, run, 0).layers)
      return Verdict::rejected(
          "layers",
          fmt::format("verifier {}: the layers listed are not those of its run, with the names, values "
                      "and costs that the scores say",
                      k + 1));
    if (one.cost != cost)
      return Verdict::rejected("cost",
                               fmt::format("verifier {}: it costs {}, not {}", k + 1, cost, one.cost));
    if (!is_near(one.benefit, problem_.value_of(run)))
      return Verdict::rejected("benefit", fmt::format("verifier {}: it is worth {}, not {}", k + 1,
                                                      problem_.value_of(run), one.benefit));
    return Verdict::accepted();
  }

  [[nodiscard]] Verdict check_totals() const {
    const double value = problem_.unscaled(value_);
    if (result_.total_cost != cost_)
      return Verdict::rejected("total", fmt::format("the runs cost {}, not {}", cost_, result_.total_cost));
    for (const auto& [name, said] : {std::pair("optimal_benefit", result_.optimal_benefit),
                                     {"computed_benefit", result_.computed_benefit},
                                     {"total_benefit", result_.total_benefit}}) {
      if (!is_near(said, value))
        return Verdict::rejected("total",
                                 fmt::format("{}: the runs are worth {}, not {}", name, value, said));
    }
    if (!result_.is_valid)
      return Verdict::rejected("total", "the result says of itself that it is not valid");
    return Verdict::accepted();
  }

  /// What the object "assay" says.
  Verdict check_origin(const SelectionOrigin& origin) {
    if (Verdict verdict = check_captured(origin); !verdict.ok()) return verdict;
    if (const auto weights = weights_of(scores_); origin.weights != weights)
      return Verdict::rejected(
          "weights", fmt::format("assay.weights: the scores name {}, the result names {}", root_text(weights),
                                 root_text(origin.weights)));
    // Without a search: what the orders greedy and fixed find, and a bound that holds for all orders.
    quick_ = select(problem_, Order::kGreedy);
    if (Verdict verdict = check_bound(origin); !verdict.ok()) return verdict;
    if (!is_near(origin.fixed_order_value, quick_.fixed_order_value))
      return Verdict::rejected("fixed order",
                               fmt::format("assay.fixed_order_value: the given order of the verifiers "
                                           "allows {}, not {}",
                                           quick_.fixed_order_value, origin.fixed_order_value));
    return check_order(origin.order);
  }

  /// Blocks and tensors follow from the runs. The reader has counted them; whoever fills in a result in C++
  /// may have not.
  [[nodiscard]] Verdict check_captured(const SelectionOrigin& origin) const {
    if (origin.blocks.size() != runs_.size())
      return Verdict::rejected("blocks", fmt::format("assay.blocks is of {} verifiers, there are {}",
                                                     origin.blocks.size(), runs_.size()));
    if (origin.tensors.size() != runs_.size())
      return Verdict::rejected("tensors", fmt::format("assay.tensors is of {} verifiers, there are {}",
                                                      origin.tensors.size(), runs_.size()));
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      const std::vector<std::uint64_t> blocks = blocks_of(scores_, runs_[k]);
      if (origin.blocks[k] != blocks) {
        const std::string right =
            blocks.empty() ? "no blocks" : fmt::format("blocks {} to {}", blocks.front(), blocks.back());
        return Verdict::rejected(
                   "blocks",
                   fmt::format("verifier {}: its layers lie in {}, not those of assay.blocks", k + 1, right))
            .at_item(k);
      }
      const std::vector<std::string> tensors = tensors_around(blocks);
      if (origin.tensors[k] != tensors) {
        const std::string right =
            tensors.empty() ? "none" : fmt::format("{} to {}", tensors.front(), tensors.back());
        return Verdict::rejected("tensors", fmt::format("verifier {}: the tensors around its blocks are {}, "
                                                        "not those of assay.tensors",
                                                        k + 1, right))
            .at_item(k);
      }
    }
    return Verdict::accepted();
  }

  [[nodiscard]] Verdict check_bound(const SelectionOrigin& origin) const {
    const double value = problem_.unscaled(value_);
    for (const auto& [what, worth] : {std::pair("the runs are", value),
                                      {"the best runs in the given order are", quick_.fixed_order_value},
                                      {"the greedy runs are", quick_.value}}) {
      if (!is_at_least(origin.upper_bound, worth))
        return Verdict::rejected(
            "bound", fmt::format("{} worth {}, over assay.upper_bound {}", what, worth, origin.upper_bound));
    }
    if (origin.proven_optimal && !is_near(origin.upper_bound, value))
      return Verdict::rejected("bound",
                               fmt::format("assay.proven_optimal: called the optimum, but the runs are worth "
                                           "{} and the upper bound is {}",
                                           value, origin.upper_bound));
    return Verdict::accepted();
  }

  /// Which of equally good runs an order takes is left to it.
  [[nodiscard]] Verdict check_order(Order order) const {
    const double value = problem_.unscaled(value_);
    if (order == Order::kFree) {
      // A search begins with both, so that no time limit makes it worse.
      const double least = std::max(quick_.value, quick_.fixed_order_value);
      if (!is_at_least(value, least))
        return Verdict::rejected(
            "order",
            fmt::format("assay.order: free finds runs worth at least {}, these are worth {}", least, value));
      return Verdict::accepted();
    }
    if (order == Order::kFixed) {
      std::uint32_t end = 0;
      for (std::size_t k = 0; k < runs_.size(); ++k) {
        if (runs_[k].empty()) continue;
        if (runs_[k].begin < end)
          return Verdict::rejected(
                     "order",
                     fmt::format("assay.order: fixed, but verifier {} is left of one before it", k + 1))
              .at_item(k);
        end = runs_[k].end;
      }
    }
    const double worth = order == Order::kFixed ? quick_.fixed_order_value : quick_.value;
    if (!is_near(value, worth))
      return Verdict::rejected("order", fmt::format("assay.order: {} finds runs worth {}, these are worth {}",
                                                    to_string(order), worth, value));
    return Verdict::accepted();
  }

  [[nodiscard]] Verdict accepted(bool budgets_known) const {
    const double value = problem_.unscaled(value_);
    Verdict verdict = Verdict::accepted();
    verdict.add_check("budgets", budgets_known ? Grade::kRecomputed : Grade::kMissing);
    for (const char* step : {"run", "overlap", "budget", "layers", "cost", "benefit", "total"})
      verdict.add_check(step, Grade::kRecomputed);
    add_origin_checks(verdict);
    verdict.add_figure("value", value);
    verdict.add_figure("cost", cost_);
    if (!budgets_known) verdict.add_note("the budgets are those that the result states");
    return verdict;
  }

  void add_origin_checks(Verdict& verdict) const {
    if (!result_.assay) {
      for (const char* step : {"blocks", "tensors", "weights", "bound", "fixed order", "order"})
        verdict.add_check(step, Grade::kMissing);
      verdict.add_note("whether another selection is worth more was not checked");
      return;
    }
    const SelectionOrigin& origin = *result_.assay;
    const bool bound_holds = is_at_least(origin.upper_bound, quick_.upper_bound);
    const bool is_best = is_at_least(problem_.unscaled(value_), quick_.upper_bound);
    for (const char* step : {"blocks", "tensors"}) verdict.add_check(step, Grade::kRecomputed);
    verdict.add_check("weights", origin.weights ? Grade::kRecomputed : Grade::kMissing);
    verdict.add_check("bound", bound_holds ? Grade::kRecomputed : Grade::kSelfReported);
    verdict.add_check("fixed order", Grade::kRecomputed);
    const bool searched = origin.order == Order::kFree && !is_best;
    verdict.add_check("order", searched ? Grade::kSelfReported : Grade::kRecomputed);
    if (!origin.weights) verdict.add_note("neither the scores nor the result name the model's weights");
    if (!is_best) verdict.add_note("whether another selection is worth more was not checked");
    if (!bound_holds)
      verdict.add_note(
          "the upper bound is the result's word: only the runs and quick selections were held against it");
    if (searched) verdict.add_note("order: whether all orders were searched was not checked");
  }

  [[nodiscard]] bool is_at_least(double number, double least) const { return number >= least - tolerance_; }
  [[nodiscard]] bool is_near(double said, double exact) const { return std::abs(said - exact) <= tolerance_; }

  const SelectionResult& result_;
  const Scores& scores_;
  SelectionProblem problem_;
  std::vector<LayerRun> runs_;  // of the verifiers, once they are known to be runs
  std::vector<bool> taken_;
  Selection quick_;  // the greedy one, once "assay" is checked
  double tolerance_;
  std::uint64_t cost_ = 0;
  std::int64_t value_ = 0;
};

}  // namespace

SelectionResult SelectionResult::of(const Scores& scores, const SelectionProblem& problem,
                                    const Selection& selection, std::string scores_file) {
  ASSAY_CHECK_EQ(scores.layers.size(), problem.layers());
  SelectionResult result;
  result.scores_file = std::move(scores_file);
  result.model_name = scores.model_name;
  result.num_layers = problem.layers();
  result.optimal_benefit = result.computed_benefit = result.total_benefit = selection.value;
  result.is_valid = true;
  SelectionOrigin& origin = result.assay.emplace();
  origin.order = selection.order;
  origin.upper_bound = selection.upper_bound;
  origin.proven_optimal = selection.proven_optimal;
  origin.fixed_order_value = selection.fixed_order_value;
  origin.weights = weights_of(scores);
  for (std::size_t k = 0; k < selection.runs.size(); ++k) {
    const LayerRun& run = selection.runs[k];
    result.assignments.push_back(assignment_of(scores, problem, run, problem.budgets()[k]));
    result.total_cost += result.assignments.back().cost;
    origin.blocks.push_back(blocks_of(scores, run));
    origin.tensors.push_back(tensors_around(origin.blocks.back()));
  }
  origin.notes.emplace_back(kForeseeable);
  return result;
}

Result<Verdict> check_selection(const SelectionResult& result, const Scores& scores,
                                const std::optional<std::vector<double>>& budgets) {
  ASSAY_TRY(scores.validate());
  if (result.model_name != scores.model_name || result.num_layers != scores.layers.size())
    return Error{ErrorCode::kMismatch, "model_name",
                 fmt::format("the result is of '{}' with {} layers, the scores are of '{}' with {}",
                             result.model_name, result.num_layers, scores.model_name, scores.layers.size())};
  SelectionProblem problem = ASSAY_TRY(problem_of(result, scores));
  return Check(result, scores, std::move(problem)).all(budgets);
}

}  // namespace assay::layers
