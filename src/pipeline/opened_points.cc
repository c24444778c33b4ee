// The points that the original pipeline opens, and opening them one by one.
#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/try.h"
#include "pipeline/results.h"

namespace assay::pipeline {
namespace {

using claim::Query;

/// Calls `work`, and gives the seconds that it took.
template <class Work>
double timed(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool contains(std::span<const Query> points, const Query& point) {
  return std::ranges::find(points, point) != points.end();
}

/// So many real values that are not among `others`.
Result<std::vector<Query>> draw_others(const claim::Commitment& commitment, std::uint64_t count,
                                       std::uint64_t seed, std::span<const Query> others) {
  const std::uint64_t all = commitment.header.layout.real_count;
  std::vector<Query> drawn;
  // What is drawn may be among the others; then more are drawn, until there are enough or no more.
  for (std::uint64_t asked = std::min(count, all); asked > 0;) {
    drawn = ASSAY_TRY(claim::Challenge::from_seed(commitment, asked, seed)).queries;
    std::erase_if(drawn, [&](const Query& query) { return contains(others, query); });
    if (drawn.size() >= count || asked == all) break;
    asked = std::min(all, asked + count - drawn.size());
  }
  if (drawn.size() > count) drawn.resize(count);
  return drawn;
}

}  // namespace

std::vector<Query> fixed_points(const Axes& axes) {
  std::vector<std::uint32_t> last, centre;
  for (const std::uint32_t size : axes.sizes()) {
    last.push_back(size - 1);
    centre.push_back(size / 2);
  }
  std::vector<std::vector<std::uint32_t>> wanted{std::vector<std::uint32_t>(axes.count(), 0), last, centre};
  if (axes.count() > 1) wanted.emplace_back(axes.count(), 1);
  std::vector<Query> points;
  for (std::vector<std::uint32_t>& coordinates : wanted) {
    if (!axes.index_of(coordinates).ok()) continue;
    Query point = Query::on_grid(std::move(coordinates));
    if (!contains(points, point)) points.push_back(std::move(point));
  }
  return points;
}

Result<std::vector<Query>> points_of_seed(const claim::Commitment& commitment, std::uint64_t count,
                                          std::uint64_t seed) {
  std::vector<Query> points = fixed_points(commitment.header.layout.axes);
  if (points.size() > count) points.resize(count);
  const std::vector<Query> others = ASSAY_TRY(draw_others(commitment, count - points.size(), seed, points));
  points.insert(points.end(), others.begin(), others.end());
  return points;
}

Result<OpenedPoints> open_one_by_one(const pst::Srs& srs, const claim::Commitment& commitment,
                                     const PolynomialTensor& tensor, std::span<const Query> points,
                                     const claim::Captured* captured) {
  const Polynomial& polynomial = tensor.polynomial;
  const claim::TensorChecker checker(srs.verifier_key());
  claim::VerifyOptions options;
  options.expected.encoding = commitment.header.encoding;  // the prover's own choice
  pst::KeptQuotients kept(polynomial.axes);
  OpenedPoints opened{claim::Proofs(commitment.digest(), static_cast<std::uint32_t>(polynomial.axes.count())),
                      {Verdict::accepted(), {}, {}},
                      {}};
  for (const Query& point : points) {
    PointTimes times;
    Result<Fr> value = Fr::zero();
    times.evaluate =
        timed([&] { value = pst::evaluate(polynomial.axes, polynomial.coefficients, point.coordinates()); });
    if (!value.ok()) return value.error();
    Result<claim::Proofs> proof = claim::Proofs();
    times.prove = timed(
        [&] { proof = claim::prove(srs, commitment, tensor.values.view(), std::span(&point, 1), &kept); });
    if (!proof.ok()) return proof.error();
    // The values on the grid come from these coefficients.
    ASSAY_CHECK(proof->value(0) == *value, opened.proofs.size());
    times.verify = timed([&] { static_cast<void>(claim::verify(commitment, *proof, checker, options)); });
    opened.proofs.add(proof->query(0), (*proof)[0].answer);
    opened.times.points.push_back(times);
    opened.times.prove += times.prove;
    opened.times.verify += times.verify;
  }
  options.captured = captured;
  opened.found = claim::verify(commitment, opened.proofs, checker, options);
  return opened;
}

}  // namespace assay::pipeline
