#include "kzg/polynomial.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "field/to_field.h"

namespace assay::kzg::internal {
namespace {

constexpr std::size_t kGrain = 2048;

/// sum_i term(i), on all threads.
template <class Term>
Fr sum_of(std::size_t count, const Term& term) {
  std::mutex mutex;
  Fr sum = Fr::zero();
  parallel_for(0, count, kGrain, [&](std::size_t first, std::size_t last) {
    Fr part = Fr::zero();
    for (std::size_t i = first; i < last; ++i) part += term(i);
    const std::scoped_lock lock(mutex);
    sum += part;
  });
  return sum;
}

template <class T>
Result<std::vector<T>> allocate_as(std::uint64_t count) {
  try {
    return std::vector<T>(count);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kTooLarge, "values", fmt::format("{} elements do not fit the memory", count)};
  }
}

Fr power_of_two(Fr base, unsigned exponent) {
  for (unsigned i = 0; i < exponent; ++i) base *= base;
  return base;
}

}  // namespace

Result<std::vector<Fr>> allocate(std::uint64_t count) { return allocate_as<Fr>(count); }

Result<std::vector<Fr>> on_domain(const RootDomain& domain, IntegerView values) {
  if (values.size() > domain.size())
    return Error{ErrorCode::kMismatch, "values",
                 fmt::format("{} where the SRS takes {}", values.size(), domain.size())};
  std::vector<Fr> out = ASSAY_TRY(allocate(domain.size()));
  to_field(values, std::span(out).first(values.size()));
  return out;
}

void multiply(std::span<Fr> values, std::span<const Fr> factors) {
  ASSAY_CHECK_EQ(values.size(), factors.size());
  parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) values[i] *= factors[i];
  });
}

Result<Quotient> divide(const RootDomain& domain, std::span<const Fr> values, const Fr& point) {
  const std::size_t n = domain.size();
  ASSAY_CHECK_EQ(values.size(), n);
  std::vector<Fr> q = ASSAY_TRY(allocate(n));
  domain.inverse_differences(point, q);
  const std::optional<std::size_t> node = domain.place_of(point);
  // p(z) = (1 - z^n) / n sum_i v_i x_i / (x_i - z)
  const Fr value = node ? values[*node]
                        : (Fr::one() - power_of_two(point, domain.log_size())) * Fr::from_u64(n).inverse() *
                              sum_of(n, [&](std::size_t i) { return values[i] * domain.node(i) * q[i]; });
  parallel_for(0, n, kGrain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) q[i] *= values[i] - value;
  });
  // The quotient has degree n - 2 at most, so that sum_i x_i q_i, n times its coefficient of X^(n-1), is
  // zero.
  if (node) q[*node] = -point.inverse() * sum_of(n, [&](std::size_t i) { return domain.node(i) * q[i]; });
  return Quotient{value, std::move(q)};
}

Result<std::vector<Scalar>> divide_at(const RootDomain& domain, IntegerView values, std::uint64_t index) {
  const std::size_t n = domain.size();
  const Fr z = domain.node(index);
  std::vector<Fr> inverses = ASSAY_TRY(allocate(n));
  std::vector<Scalar> q = ASSAY_TRY(allocate_as<Scalar>(n));
  domain.inverse_differences(z, inverses);
  std::mutex mutex;
  std::int64_t differences = 0;
  Fr quotients = Fr::zero();
  values.visit([&](const auto& given) {
    using Int = std::remove_cvref_t<decltype(given[0])>;
    if constexpr (!std::is_same_v<Int, Scalar>) {
      const auto at = [&](std::size_t i) { return i < given.size() ? std::int64_t{given[i]} : 0; };
      const std::int64_t value = at(index);
      parallel_for(0, n, kGrain, [&](std::size_t first, std::size_t last) {
        std::vector<std::int64_t> some(last - first);
        std::int64_t sum = 0;
        for (std::size_t i = first; i < last; ++i) sum += some[i - first] = at(i) - value;
        const std::span<Scalar> part = std::span(q).subspan(first, last - first);
        multiply_integers(std::span<const Fr>(inverses).subspan(first, last - first), some, part);
        // Sums of integers modulo r, which as elements are all too small by the same factor.
        Fr total = Fr::zero();
        for (const Scalar& each : part) total += Fr{each.words};
        const std::scoped_lock lock(mutex);
        differences += sum;
        quotients += total;
      });
    }
  });
  // sum_i x_i q_i = 0, and x_i q_i = d_i + z q_i where x_i is not z.
  q[index] =
      (-(Fr::from_i64(differences) * z.inverse()) - Fr::from_scalar(Scalar{quotients.limbs})).to_scalar();
  return q;
}

}  // namespace assay::kzg::internal
