#include "probe/gram_sum.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>

#include "assay/matrix.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"

namespace assay::probe::internal {
namespace {

constexpr std::size_t kBlock = 128;

/// Keeps the first error of work that threads share.
class FirstError {
 public:
  void note(const Status& status) {
    const std::scoped_lock lock(mutex_);
    if (!status.ok() && status_.ok()) status_ = status;
  }
  [[nodiscard]] Status get() const { return status_; }

 private:
  std::mutex mutex_;
  Status status_;
};

/// c += the product, a block of c's rows on each thread.
Result<std::vector<double>> by_blocks(std::span<const double> a, std::size_t inner,
                                      const matrix::Part<const double>& b, matrix::Turned turned,
                                      std::size_t columns) {
  const std::size_t rows = a.size() / inner;
  std::vector<double> out(rows * columns);
  FirstError error;
  parallel_for(0, (rows + kBlock - 1) / kBlock, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t block = first; block < last; ++block) {
      const std::size_t begin = block * kBlock;
      const std::size_t count = std::min(kBlock, rows - begin);
      error.note(matrix::add_product({a.data() + begin * inner, count, inner, inner}, b, turned,
                                     {out.data() + begin * columns, count, columns, columns}));
    }
  });
  ASSAY_TRY(error.get());
  return out;
}

}  // namespace

Result<GramSum> GramSum::make(std::size_t side) {
  if (side == 0 || side > matrix::kMaxSide)
    return Error{ErrorCode::kTooLarge, "geometry",
                 fmt::format("a side of {}, 1 to {} are possible", side, matrix::kMaxSide)};
  return GramSum(side);
}

Status GramSum::add(std::span<const double> rows) {
  ASSAY_CHECK_EQ(rows.size() % side_, 0U);
  const std::size_t count = rows.size() / side_;
  const std::size_t blocks = (side_ + kBlock - 1) / kBlock;
  FirstError error;
  const auto add_block = [&](std::size_t block) {
    const std::size_t begin = block * kBlock;
    const std::size_t width = std::min(kBlock, side_ - begin);
    error.note(matrix::add_product({rows.data() + begin, count, width, side_},
                                   {rows.data(), count, begin + width, side_}, matrix::Turned::kLeft,
                                   {sum_.data() + begin * side_, width, begin + width, side_}));
  };
  // A short block with a long one, so that each thread has as much to do.
  parallel_for(0, (blocks + 1) / 2, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      add_block(i);
      if (blocks - 1 - i != i) add_block(blocks - 1 - i);
    }
  });
  return error.get();
}

std::vector<double> GramSum::take() {
  for (std::size_t i = 0; i < side_; ++i)
    for (std::size_t j = i + 1; j < side_; ++j) sum_[i * side_ + j] = sum_[j * side_ + i];
  return std::move(sum_);
}

Result<std::vector<double>> product(std::span<const double> a, std::span<const double> b, std::size_t inner) {
  const std::size_t columns = b.size() / inner;
  return by_blocks(a, inner, {b.data(), inner, columns, columns}, matrix::Turned::kNone, columns);
}

Result<std::vector<double>> outer_products(std::span<const double> a, std::size_t inner) {
  const std::size_t rows = a.size() / inner;
  return by_blocks(a, inner, {a.data(), rows, inner, inner}, matrix::Turned::kRight, rows);
}

std::vector<double> solve_factored(std::span<const double> lower, std::vector<double> b) {
  const std::size_t side = b.size();
  for (std::size_t i = 0; i < side; ++i) {
    const std::span<const double> row = lower.subspan(i * side, side);
    b[i] = (b[i] - dot(row.first(i), std::span(b).first(i))) / row[i];
  }
  for (std::size_t i = side; i-- > 0;) {
    const std::span<const double> row = lower.subspan(i * side, side);
    b[i] /= row[i];
    for (std::size_t j = 0; j < i; ++j) b[j] -= row[j] * b[i];
  }
  return b;
}

double dot(std::span<const double> a, std::span<const double> b) {
  constexpr std::size_t kLanes = 8;  // a sum waits for the one before; eight of them wait side by side
  std::array<double, kLanes> lanes{};
  const std::size_t whole = a.size() / kLanes * kLanes;
  for (std::size_t i = 0; i < whole; i += kLanes)
    for (std::size_t k = 0; k < kLanes; ++k) lanes[k] += a[i + k] * b[i + k];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  for (std::size_t i = whole; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace assay::probe::internal
