#include "probe/logistic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "assay/matrix.h"
#include "base/threads.h"
#include "base/try.h"
#include "probe/gram_sum.h"

namespace assay::probe::internal {
namespace {

constexpr int kMaxSteps = 100;
constexpr int kMaxHalvings = 50;
/// A Newton step by which the loss can fall by no more than this share is the last: it squares what is left.
constexpr double kLastDecrement = 1e-14;
constexpr double kLastDecrementToCompare = 1e-8;
/// Where rounding keeps the loss from falling although the step is small, the end is reached as well.
constexpr double kRoundingDecrement = 1e-10;

double sigmoid(double f) {
  const double e = std::exp(-std::fabs(f));
  return f >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/// Where the search stands: coefficients, intercept, and the score of each row.
struct Point {
  std::vector<double> values;
  double intercept = 0;
  std::vector<double> scores;

  [[nodiscard]] Point moved(const Point& direction, double by) const {
    Point out = *this;
    for (std::size_t i = 0; i < values.size(); ++i) out.values[i] += by * direction.values[i];
    for (std::size_t i = 0; i < scores.size(); ++i) out.scores[i] += by * direction.scores[i];
    out.intercept += by * direction.intercept;
    return out;
  }
};

/// First and second derivative of the mean loss by each score.
struct Slopes {
  std::vector<double> first;
  std::vector<double> second;
};

Slopes slopes_at(const Point& point, const std::vector<bool>& labels) {
  const auto count = static_cast<double>(labels.size());
  Slopes out{std::vector<double>(labels.size()), std::vector<double>(labels.size())};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double p = sigmoid(point.scores[i]);
    const double q = sigmoid(-point.scores[i]);
    out.first[i] = (labels[i] ? -q : p) / count;
    out.second[i] = std::max(p * q / count, 1e-290);
  }
  return out;
}

/// The rows as K = Z Z^T: scores = K a + b. Rasmussen and Williams 2006, algorithm 3.1, with an intercept
/// that is free: then the coefficients sum to 0.
class InSpan {
 public:
  InSpan(std::vector<double> kernel, std::size_t count) : kernel_(std::move(kernel)), count_(count) {}

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::vector<double> scores(const std::vector<double>& values, double intercept) const {
    std::vector<double> out(count_);
    for (std::size_t i = 0; i < count_; ++i)
      out[i] = dot(std::span(kernel_).subspan(i * count_, count_), values) + intercept;
    return out;
  }
  /// beta_x . beta_y
  [[nodiscard]] double inner(const Point& x, const Point& y) const {
    double sum = 0;
    for (std::size_t i = 0; i < count_; ++i) sum += x.values[i] * (y.scores[i] - y.intercept);
    return sum;
  }
  [[nodiscard]] Result<Point> step(const Point& at, const Slopes& slopes, double lambda,
                                   double /*loss*/) const {
    std::vector<double> root(count_);
    std::vector<double> target(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      root[i] = std::sqrt(slopes.second[i]);
      target[i] = root[i] * at.scores[i] - slopes.first[i] / root[i];
    }
    std::vector<double> system(count_ * count_);
    for (std::size_t i = 0; i < count_; ++i) {
      for (std::size_t j = 0; j <= i; ++j)
        system[i * count_ + j] = root[i] * kernel_[i * count_ + j] * root[j];
      system[i * count_ + i] += lambda;
    }
    const std::vector<double> lower = ASSAY_TRY(matrix::cholesky(system, count_));
    const std::vector<double> u = solve_factored(lower, target);
    const std::vector<double> v = solve_factored(lower, root);
    Point step;
    const double intercept = dot(root, u) / dot(root, v);
    step.intercept = intercept - at.intercept;
    step.values.resize(count_);
    for (std::size_t i = 0; i < count_; ++i)
      step.values[i] = root[i] * (u[i] - intercept * v[i]) - at.values[i];
    step.scores = scores(step.values, step.intercept);
    return step;
  }

 private:
  std::vector<double> kernel_;
  std::size_t count_;
};

/// The rows themselves: scores = Z beta + b. The second derivatives are factored once; later steps are solved
/// by conjugate gradients with those factors as preconditioner, for they have changed little by then: an
/// inexact Newton method (Nocedal and Wright 2006, section 7.1), whose factors cost as much as dozens of
/// products.
class InColumns {
 public:
  InColumns(std::vector<double> rows, std::size_t columns) : rows_(std::move(rows)), columns_(columns) {}

  [[nodiscard]] std::size_t size() const { return columns_; }
  [[nodiscard]] std::vector<double> scores(std::span<const double> values, double intercept) const {
    std::vector<double> out(count());
    parallel_for(0, count(), kPanel, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) out[i] = dot(row(i), values) + intercept;
    });
    return out;
  }
  [[nodiscard]] double inner(const Point& x, const Point& y) const { return dot(x.values, y.values); }
  [[nodiscard]] Result<Point> step(const Point& at, const Slopes& slopes, double lambda, double loss) {
    std::vector<double> downhill = transposed(slopes.first);
    for (std::size_t j = 0; j < columns_; ++j) downhill[j] += lambda * at.values[j];
    for (double& value : downhill) value = -value;
    std::vector<double> solved;
    if (factors_) solved = conjugate_gradients(slopes, lambda, loss, downhill);
    if (solved.empty()) {
      factors_ = ASSAY_TRY(factors_of(slopes, lambda));
      solved = factors_->solve(downhill);
    }
    Point step;
    step.intercept = solved.back();
    solved.pop_back();
    step.scores = scores(solved, step.intercept);
    step.values = std::move(solved);
    return step;
  }

 private:
  static constexpr std::size_t kPanel = 256;
  static constexpr int kMaxProducts = 24;
  /// Of the residual in the norm of the preconditioner, squared: the error that a step leaves. It follows
  /// what the step can gain, so that the steps converge as Newton's do.
  static constexpr double kMostResidual = 1e-2;
  static constexpr double kLeastResidual = 1e-13;

  /// Of the second derivatives by coefficients and intercept: Cholesky's factor, the border, and the border
  /// solved. Vectors have the intercept's value behind the coefficients'.
  struct Factors {
    std::vector<double> lower;
    std::vector<double> border;
    std::vector<double> solved_border;
    double corner = 0;

    [[nodiscard]] std::vector<double> solve(std::span<const double> b) const {
      std::vector<double> out = solve_factored(lower, {b.begin(), b.end() - 1});
      const double last = (b.back() - dot(border, out)) / (corner - dot(border, solved_border));
      for (std::size_t j = 0; j < out.size(); ++j) out[j] -= last * solved_border[j];
      out.push_back(last);
      return out;
    }
  };

  [[nodiscard]] std::size_t count() const { return rows_.size() / columns_; }
  [[nodiscard]] std::span<const double> row(std::size_t i) const {
    return std::span(rows_).subspan(i * columns_, columns_);
  }

  /// Z^T y, and the sum of y behind it; each column is summed row after row, whatever the threads.
  [[nodiscard]] std::vector<double> transposed(std::span<const double> y) const {
    std::vector<double> out(columns_ + 1);
    parallel_for(0, columns_, kPanel, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double* const values = rows_.data() + i * columns_;
        for (std::size_t j = first; j < last; ++j) out[j] += y[i] * values[j];
      }
    });
    for (const double value : y) out.back() += value;
    return out;
  }

  [[nodiscard]] Result<Factors> factors_of(const Slopes& slopes, double lambda) const {
    GramSum sum = ASSAY_TRY(GramSum::make(columns_));
    std::vector<double> panel;
    for (std::size_t first = 0; first < count(); first += kPanel) {
      const std::size_t last = std::min(count(), first + kPanel);
      panel.assign(rows_.begin() + static_cast<std::ptrdiff_t>(first * columns_),
                   rows_.begin() + static_cast<std::ptrdiff_t>(last * columns_));
      for (std::size_t i = first; i < last; ++i) {
        const double root = std::sqrt(slopes.second[i]);
        for (std::size_t j = 0; j < columns_; ++j) panel[(i - first) * columns_ + j] *= root;
      }
      ASSAY_TRY(sum.add(panel));
    }
    std::vector<double> system = sum.take();
    for (std::size_t j = 0; j < columns_; ++j) system[j * columns_ + j] += lambda;
    Factors out;
    out.lower = ASSAY_TRY(matrix::cholesky(system, columns_));
    out.border = transposed(slopes.second);
    out.corner = out.border.back();
    out.border.pop_back();
    out.solved_border = solve_factored(out.lower, out.border);
    return out;
  }

  /// The second derivatives times x.
  [[nodiscard]] std::vector<double> curvature(const Slopes& slopes, double lambda,
                                              std::span<const double> x) const {
    std::vector<double> weighted = scores(x.first(columns_), x.back());
    for (std::size_t i = 0; i < weighted.size(); ++i) weighted[i] *= slopes.second[i];
    std::vector<double> out = transposed(weighted);
    for (std::size_t j = 0; j < columns_; ++j) out[j] += lambda * x[j];
    return out;
  }

  /// Golub and Van Loan, Matrix Computations, algorithm 11.5.1. Nothing where the factors are of too little
  /// use.
  [[nodiscard]] std::vector<double> conjugate_gradients(const Slopes& slopes, double lambda, double loss,
                                                        std::vector<double> residual) const {
    std::vector<double> x(residual.size());
    std::vector<double> preconditioned = factors_->solve(residual);
    std::vector<double> direction = preconditioned;
    double square = dot(residual, preconditioned);
    const double enough = square * std::clamp(square / loss, kLeastResidual, kMostResidual);
    for (int products = 0; products < kMaxProducts; ++products) {
      const std::vector<double> product = curvature(slopes, lambda, direction);
      const double along = square / dot(direction, product);
      for (std::size_t j = 0; j < x.size(); ++j) {
        x[j] += along * direction[j];
        residual[j] -= along * product[j];
      }
      preconditioned = factors_->solve(residual);
      const double next = dot(residual, preconditioned);
      if (!(next > enough)) return x;
      for (std::size_t j = 0; j < x.size(); ++j)
        direction[j] = preconditioned[j] + next / square * direction[j];
      square = next;
    }
    return {};
  }

  std::vector<double> rows_;
  std::size_t columns_;
  std::optional<Factors> factors_;
};

template <class Features>
double loss_at(const Features& features, const Point& point, const std::vector<bool>& labels, double lambda) {
  double sum = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) sum += log_loss(point.scores[i], labels[i]);
  return sum / static_cast<double>(labels.size()) + lambda / 2 * features.inner(point, point);
}

template <class Features>
Result<Coefficients> minimise(Features&& features, const std::vector<bool>& labels, double lambda,
                              const Coefficients* start, Ending ending) {
  const double enough = ending == Ending::kToCompare ? kLastDecrementToCompare : kLastDecrement;
  Point at{std::vector<double>(features.size()), 0, std::vector<double>(labels.size())};
  if (start != nullptr)
    at = Point{start->values, start->intercept, features.scores(start->values, start->intercept)};
  double loss = loss_at(features, at, labels, lambda);
  for (int steps = 0; steps < kMaxSteps; ++steps) {
    const Slopes slopes = slopes_at(at, labels);
    const Point step = ASSAY_TRY(features.step(at, slopes, lambda, loss));
    const double decrement = -(dot(slopes.first, step.scores) + lambda * features.inner(at, step));
    const bool last = decrement <= enough * loss;  // not where it is NaN
    double by = 1;
    Point next = at.moved(step, by);
    double next_loss = loss_at(features, next, labels, lambda);
    for (int halved = 0; !last && !(next_loss < loss) && halved < kMaxHalvings; ++halved) {
      by /= 2;
      next = at.moved(step, by);
      next_loss = loss_at(features, next, labels, lambda);
    }
    if (!last && !(next_loss < loss)) {
      if (decrement <= kRoundingDecrement * loss) break;
      return Error{ErrorCode::kOutOfRange, "training", "no step reduces the loss: are the rows all alike?"};
    }
    at = std::move(next);
    loss = next_loss;
    if (last) break;
  }
  return Coefficients{{}, std::move(at.values), at.intercept, loss};
}

}  // namespace

double log_loss(double score, bool label) {
  const double sign = label ? -score : score;
  return std::max(sign, 0.0) + std::log1p(std::exp(-std::fabs(sign)));
}

Result<Design> Design::make(std::vector<double> features, std::size_t columns, std::size_t training) {
  if (!std::ranges::all_of(features, [](double value) { return std::isfinite(value); }))
    return Error{ErrorCode::kOutOfRange, "training", "a row times the geometry is beyond the doubles"};
  Design out;
  out.columns_ = columns;
  out.count_ = features.size() / columns;
  out.in_span_ = training < columns;
  out.features_ = std::move(features);
  if (out.in_span_) out.kernel_ = ASSAY_TRY(outer_products(out.features_, columns));
  return out;
}

Result<Coefficients> Design::fit(const RowNumbers& rows, const std::vector<bool>& labels, double lambda,
                                 const Coefficients* start, Ending ending) const {
  std::vector<bool> own;
  for (const std::uint32_t i : rows) own.push_back(labels[i]);
  if (std::ranges::count(own, true) == 0 || std::ranges::count(own, false) == 0)
    return Error{ErrorCode::kOutOfRange, "training", "the examples of a part are all of one class"};
  if (!in_span_) {
    std::vector<double> gathered;
    gathered.reserve(rows.size() * columns_);
    for (const std::uint32_t i : rows) gathered.insert(gathered.end(), row(i).begin(), row(i).end());
    return minimise(InColumns(std::move(gathered), columns_), own, lambda, start, ending);
  }
  std::vector<double> gathered(rows.size() * rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows.size(); ++j)
      gathered[i * rows.size() + j] = kernel_[std::size_t{rows[i]} * count_ + rows[j]];
  Coefficients out =
      ASSAY_TRY(minimise(InSpan(std::move(gathered), rows.size()), own, lambda, start, ending));
  out.rows = rows;
  return out;
}

std::vector<double> Design::scores(const Coefficients& fitted, const RowNumbers& rows) const {
  std::vector<double> out;
  for (const std::uint32_t i : rows) {
    double score = fitted.intercept;
    if (in_span_) {
      for (std::size_t j = 0; j < fitted.rows.size(); ++j)
        score += fitted.values[j] * kernel_[std::size_t{i} * count_ + fitted.rows[j]];
    } else {
      score += dot(row(i), fitted.values);
    }
    out.push_back(score);
  }
  return out;
}

std::vector<double> Design::beta(const Coefficients& fitted) const {
  if (!in_span_) return fitted.values;
  std::vector<double> out(columns_);
  for (std::size_t k = 0; k < fitted.rows.size(); ++k) {
    const std::span<const double> values = row(fitted.rows[k]);
    for (std::size_t j = 0; j < columns_; ++j) out[j] += fitted.values[k] * values[j];
  }
  return out;
}

double Design::mean_square(const RowNumbers& rows) const {
  double sum = 0;
  for (const std::uint32_t i : rows) sum += dot(row(i), row(i));
  return sum / static_cast<double>(rows.size());
}

}  // namespace assay::probe::internal
