#include "pst/quotients.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <mutex>
#include <type_traits>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "pst/allocate.h"
#include "pst/lagrange.h"
#include "pst/node_weights.h"

namespace assay::pst::internal {
namespace {

// Below this many points per node, separate MSMs cost more than one of wide scalars.
constexpr std::uint64_t kMinRowByNode = 32;

// From this many points per node on, the windows that plain differences save are worth the MSMs' own cost.
constexpr std::uint64_t kMinRowApart = 8192;

// Threads that share the work on fewer values wait for each other more than they work.
constexpr std::size_t kManyValues = std::size_t{1} << 14;

constexpr UInt128 kWord64Limit = std::numeric_limits<std::int64_t>::max();

/// out[task.at(j, k)] = denominator * q(j, k) in words of type Word.
template <class Word, class T, class Out>
void scaled_quotients(const QuotientTask& task, std::span<const T> rows, const NodeWeights& weights,
                      std::span<Out> out) {
  const std::size_t nodes = weights.direct.size(), z = task.z;
  const auto store = [&](std::size_t index, Word value) {
    if constexpr (std::is_same_v<Out, Scalar>)
      out[index] = to_scalar(value);
    else
      out[index] = value;
  };
  parallel_for(0, task.columns(), 1024, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      const Word base = to_word<Word>(rows[task.at(z, k)]);
      Word slope = 0;
      for (std::size_t j = 0; j < nodes; ++j) {
        if (j == z) continue;
        const std::size_t place = task.at(j, k);
        const Word difference = to_word<Word>(rows[place]) - base;
        store(place, difference * weights.direct[j]);
        slope += difference * weights.derivative[j];
      }
      store(task.at(z, k), slope);
    }
  });
}

template <class Word, class Out>
Result<G1Affine> commit_cleared(const QuotientTask& task) {
  const NodeWeights weights = node_weights(task.nodes, task.z);
  std::vector<Out> quotients = ASSAY_TRY(allocate<Out>(task.level.size(), "opening"));
  task.rows.visit(
      [&](const auto& span) { scaled_quotients<Word>(task, span, weights, std::span(quotients)); });
  const G1Affine scaled = curve::msm_vartime(task.level, IntegerView(quotients));
  return weights.denominator == 1
             ? scaled
             : curve::multiply_vartime(scaled, Fr::from_i64(weights.denominator).inverse());
}

Result<G1Affine> commit_in_field(const QuotientTask& task) {
  std::vector<Fr> quotients = ASSAY_TRY(allocate<Fr>(task.level.size(), "opening"));
  to_field(task.rows, quotients);
  const std::size_t block = quotients.size() / task.outer;
  for (std::size_t first = 0; first < quotients.size(); first += block)
    static_cast<void>(
        divide_in_place(std::span(quotients).subspan(first, block), task.nodes, Fr::from_u64(task.z)));
  return curve::msm_vartime(task.level, quotients);
}

/// d_j of node_weights.h in the k-th column, as a function of j and k.
template <class T>
auto differences_of(const QuotientTask& task, std::span<const T> rows) {
  return [&task, rows](std::size_t j, std::size_t k) {
    return to_word<std::int64_t>(rows[task.at(j, k)]) - to_word<std::int64_t>(rows[task.at(task.z, k)]);
  };
}

/// 1 / (j - z) for every node j, 0 for j = z.
std::vector<Fr> inverse_distances(std::uint32_t nodes, std::uint32_t z) {
  std::vector<Fr> inverses(nodes);
  for (std::uint32_t j = 0; j < nodes; ++j) inverses[j] = Fr::from_u64(j) - Fr::from_u64(z);
  batch_inverse(inverses);
  return inverses;
}

}  // namespace

QuotientWay choose_way(std::uint32_t nodes, std::uint32_t z, std::uint64_t row_size, UInt128 largest) {
  if (largest >= kHuge) return QuotientWay::kField;
  const UInt128 difference = 2 * largest;
  if (nodes > kMaxClearedAxis)
    return row_size >= kMinRowByNode && difference <= kWord64Limit ? QuotientWay::kByNode
                                                                   : QuotientWay::kField;
  // Every partial sum is bounded by the sum of its absolute values, and so by growth * difference.
  const UInt128 growth = node_weights(nodes, z).growth;
  if (growth == 0 || difference <= kWord64Limit / growth)
    return row_size >= kMinRowApart ? QuotientWay::kApart : QuotientWay::kWord64;
  return difference <= kHuge / growth ? QuotientWay::kWord128 : QuotientWay::kField;
}

std::vector<std::span<const G1Affine>> QuotientTask::row(std::size_t j) const {
  std::vector<std::span<const G1Affine>> runs;
  runs.reserve(outer);
  for (std::size_t block = 0; block < outer; ++block)
    runs.push_back(level.subspan((block * nodes + j) * inner(), inner()));
  return runs;
}

QuotientJob::QuotientJob(QuotientWay way, const QuotientTask& task) : way_(way), task_(task) {
  ASSAY_CHECK_EQ(task.level.size(), task.rows.size());
  ASSAY_CHECK(task.z < task.nodes && task.level.size() % (task.nodes * task.outer) == 0, task.z, task.nodes,
              task.outer, task.level.size());
  if (task.nodes > 1) sums_.resize(is_by_rows() ? task.nodes : 1);
}

bool QuotientJob::is_by_rows() const { return way_ == QuotientWay::kApart || way_ == QuotientWay::kByNode; }

std::size_t QuotientJob::part_size() const { return is_by_rows() ? width() : task_.level.size(); }

Status QuotientJob::make(std::size_t part) {
  if (!is_by_rows())
    sums_[part] = ASSAY_TRY(whole());
  else if (part != task_.z)
    sums_[part] = ASSAY_TRY(sum_of_differences(static_cast<std::uint32_t>(part)));
  else
    sums_[part] = ASSAY_TRY(way_ == QuotientWay::kApart ? sum_of_slopes() : sum_of_field_slopes());
  return {};
}

G1Affine QuotientJob::point() const {
  if (sums_.empty()) return G1Affine::infinity();
  if (!is_by_rows()) return sums_[0];
  std::vector<G1Affine> differences = sums_;
  differences[task_.z] = G1Affine::infinity();
  const G1Affine& slopes = sums_[task_.z];
  if (way_ == QuotientWay::kByNode)
    return curve::add(curve::msm_vartime(differences, inverse_distances(task_.nodes, task_.z)), slopes);
  const NodeWeights weights = node_weights(task_.nodes, task_.z);
  return curve::multiply_vartime(
      curve::add(curve::msm_vartime(differences, IntegerView(weights.direct)), slopes),
      Fr::from_i64(weights.denominator).inverse());
}

Result<G1Affine> QuotientJob::sum_of_differences(std::uint32_t j) const {
  std::vector<std::int64_t> differences = ASSAY_TRY(allocate<std::int64_t>(width(), "opening"));
  task_.rows.visit([&](const auto& span) {
    const auto difference = differences_of(task_, span);
    parallel_for(0, width(), 1024, [&](std::size_t first, std::size_t last) {
      for (std::size_t k = first; k < last; ++k) differences[k] = difference(j, k);
    });
  });
  return curve::msm_of_runs_vartime(task_.row(j), IntegerView(differences));
}

Result<G1Affine> QuotientJob::sum_of_slopes() const {
  const NodeWeights weights = node_weights(task_.nodes, task_.z);
  std::vector<std::int64_t> slopes = ASSAY_TRY(allocate<std::int64_t>(width(), "opening"));
  task_.rows.visit([&](const auto& span) {
    const auto difference = differences_of(task_, span);
    parallel_for(0, width(), 1024, [&](std::size_t first, std::size_t last) {
      for (std::uint32_t j = 0; j < task_.nodes; ++j) {
        for (std::size_t k = first; k < last; ++k) slopes[k] += difference(j, k) * weights.derivative[j];
      }
    });
  });
  return curve::msm_of_runs_vartime(task_.row(task_.z), IntegerView(slopes));
}

Result<G1Affine> QuotientJob::sum_of_field_slopes() const {
  const std::vector<Fr> weights = barycentric_weights(task_.nodes);
  const std::vector<Fr> inverses = inverse_distances(task_.nodes, task_.z);
  const Fr minus_inverse_weight = -weights[task_.z].inverse();
  std::vector<Fr> slopes = ASSAY_TRY(allocate<Fr>(width(), "opening"));
  task_.rows.visit([&](const auto& span) {
    const auto difference = differences_of(task_, span);
    parallel_for(0, width(), 1024, [&](std::size_t first, std::size_t last) {
      std::vector<std::int64_t> differences(last - first);
      std::vector<Fr> wide(last - first);
      for (std::uint32_t j = 0; j < task_.nodes; ++j) {
        for (std::size_t k = first; k < last; ++k) differences[k - first] = difference(j, k);
        to_field(differences, wide);
        add_scaled(std::span(slopes).subspan(first, last - first),
                   minus_inverse_weight * weights[j] * inverses[j], wide);
      }
    });
  });
  std::vector<Scalar> scalars = ASSAY_TRY(allocate<Scalar>(width(), "opening"));
  for (std::size_t k = 0; k < slopes.size(); ++k) scalars[k] = slopes[k].to_scalar();
  return curve::msm_of_runs_vartime(task_.row(task_.z), IntegerView(scalars));
}

Result<G1Affine> QuotientJob::whole() const {
  switch (way_) {
    case QuotientWay::kWord64:
      return commit_cleared<std::int64_t, std::int64_t>(task_);
    case QuotientWay::kWord128:
      return commit_cleared<Int128, Scalar>(task_);
    default:
      break;
  }
  return commit_in_field(task_);
}

Result<std::vector<G1Affine>> commit_quotients(std::span<const QuotientTask> tasks, UInt128 largest) {
  struct Part {
    std::size_t job, number;
  };
  std::vector<QuotientJob> jobs;
  std::vector<Part> order;
  for (const QuotientTask& task : tasks) {
    const std::size_t width = task.level.size() / task.nodes;
    jobs.emplace_back(choose_way(task.nodes, task.z, width, largest), task);
    for (std::size_t number = 0; number < jobs.back().parts(); ++number)
      order.push_back({jobs.size() - 1, number});
  }
  const auto size_of = [&](const Part& part) { return jobs[part.job].part_size(); };
  std::ranges::stable_sort(order, std::greater(), size_of);

  Progress progress("open", order.size());
  std::mutex mutex;
  Status failure;
  const auto make = [&](const Part& part) {
    const Status made = jobs[part.job].make(part.number);
    progress.advance();
    if (made.ok()) return;
    const std::scoped_lock lock(mutex);
    failure = made;
  };
  // Of the parts in a row that are about as large as the first, each thread should have at least two; else
  // the threads share each part, until parts are small.
  std::size_t next = 0;
  const auto has_peers = [&](std::size_t i) {
    const std::size_t last = i + 2 * worker_count() - 1;
    return last < order.size() && size_of(order[last]) * 2 >= size_of(order[i]);
  };
  while (next < order.size() && size_of(order[next]) >= kManyValues && !has_peers(next)) make(order[next++]);
  std::atomic<std::size_t> claimed = next;
  parallel_for(0, worker_count(), 1, [&](std::size_t, std::size_t) {
    for (std::size_t i = claimed++; i < order.size(); i = claimed++) make(order[i]);
  });
  ASSAY_TRY(failure);
  std::vector<G1Affine> points(jobs.size());
  std::ranges::transform(jobs, points.begin(), &QuotientJob::point);
  return points;
}

std::vector<Fr> divide_in_place(std::span<Fr> rows, std::uint32_t nodes, const Fr& z) {
  const std::size_t width = rows.size() / nodes;
  std::vector<Fr> at_z = combine_rows(rows, lagrange_at(nodes, z));

  std::vector<Fr> inverses(nodes);
  std::uint32_t node = nodes;  // the node that z is, if it is one
  for (std::uint32_t j = 0; j < nodes; ++j) {
    inverses[j] = Fr::from_u64(j) - z;
    if (inverses[j].is_zero()) node = j;
  }
  batch_inverse(inverses);
  parallel_for(0, width, 256, [&](std::size_t first, std::size_t last) {
    for (std::uint32_t j = 0; j < nodes; ++j)
      for (std::size_t k = first; k < last; ++k)
        rows[j * width + k] = (rows[j * width + k] - at_z[k]) * inverses[j];
  });
  if (node < nodes) {
    // q has degree below nodes - 1, so its value at z follows from the other nodes:
    // sum_j w_j q(j) = 0 over all nodes, and that row holds zeros as yet.
    const std::vector<Fr> weights = barycentric_weights(nodes);
    std::vector<Fr> slopes = combine_rows(rows, weights);
    const Fr factor = -weights[node].inverse();
    for (std::size_t k = 0; k < width; ++k) rows[node * width + k] = slopes[k] * factor;
  }
  return at_z;
}

}  // namespace assay::pst::internal
