#include "curve/roots_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <algorithm>
#include <array>

#include "field/lanes_ifma.h"

namespace assay::curve {
namespace {

namespace ifma = field::ifma;
using P = field::FpParameters;
using field::Limbs;

constexpr std::size_t kLanes = ifma::kLanes;
// Vectors that do not wait for each other: a product takes longer to finish than to issue.
constexpr int kVectors = 2;
constexpr std::size_t kBatch = kVectors * kLanes;
// Fewer than these are done sooner one after the other.
constexpr std::size_t kFew = 3;

// Products keep this bound, in sixteenths of p.
constexpr int kBound = 18;
static_assert(ifma::product_bound(kBound * kBound) <= kBound);

// Products here divide by 2^260. x 2^256 times 2^264 is x 2^260; times 2^256 it comes back.
constexpr Limbs kIn = field::internal::power_of_two(264, P::kModulus);
constexpr Limbs kOut = P::kOne;

constexpr const field::PowerChain& kChain = kSquareRootChain<P>;

/// Word i of sixteen values, lane by lane.
struct alignas(64) Words {
  std::array<std::array<std::uint64_t, kBatch>, 4> word{};
};

ASSAY_TARGET_IFMA_BEGIN

struct Batch {
  ifma::Tight<P, kBound> vector[kVectors];
};

ASSAY_INLINE Batch product(const Batch& a, const Batch& b) {
  Batch out;
  ASSAY_UNROLL for (int i = 0; i < kVectors; ++i) {
    const auto carried = (a.vector[i] * b.vector[i]).carried();
    ASSAY_UNROLL for (int j = 0; j < 5; ++j) out.vector[i].limb[j] = carried.limb[j];
  }
  return out;
}

ASSAY_INLINE Batch square(const Batch& a) {
  Batch out;
  ASSAY_UNROLL for (int i = 0; i < kVectors; ++i) {
    const auto carried = ifma::squared(a.vector[i]).carried();
    ASSAY_UNROLL for (int j = 0; j < 5; ++j) out.vector[i].limb[j] = carried.limb[j];
  }
  return out;
}

ASSAY_INLINE Batch constant(const Limbs& value) {
  Batch out;
  ASSAY_UNROLL for (int i = 0; i < kVectors; ++i) out.vector[i] = ifma::broadcast<P, kBound>(value);
  return out;
}

/// field::power over sixteen values.
void take_batch(Words& words) {
  Batch x;
  ASSAY_UNROLL for (int i = 0; i < kVectors; ++i) {
    __m512i column[4];
    ASSAY_UNROLL for (std::size_t j = 0; j < 4; ++j) column[j] =
        _mm512_load_si512(&words.word[j][static_cast<std::size_t>(i) * kLanes]);
    x.vector[i] = ifma::from_words<P, kBound>(column);
  }

  std::array<Batch, field::PowerChain::kOddPowers> odd;
  odd[0] = product(x, constant(kIn));
  const Batch step_up = square(odd[0]);
  for (std::size_t k = 1; k < odd.size(); ++k) odd[k] = product(odd[k - 1], step_up);
  Batch out = odd[static_cast<std::size_t>(kChain.steps[0].odd)];
  for (std::size_t i = 1; i < kChain.count; ++i) {
    const field::PowerChain::Step& step = kChain.steps[i];
    for (unsigned k = 0; k < step.squarings; ++k) out = square(out);
    if (step.odd != field::PowerChain::kNone) out = product(out, odd[static_cast<std::size_t>(step.odd)]);
  }
  out = product(out, constant(kOut));

  ASSAY_UNROLL for (int i = 0; i < kVectors; ++i) {
    __m512i column[4];
    ifma::to_words(out.vector[i], column);
    ASSAY_UNROLL for (std::size_t j = 0; j < 4; ++j)
        _mm512_store_si512(&words.word[j][static_cast<std::size_t>(i) * kLanes], column[j]);
  }
}

ASSAY_TARGET_IFMA_END

}  // namespace

void RootsIfma::take(std::span<F> values) {
  for (std::size_t first = 0; first < values.size(); first += kBatch) {
    const auto batch = values.subspan(first, std::min(kBatch, values.size() - first));
    if (batch.size() < kFew) {
      Roots<F>::take(batch);
      continue;
    }
    Words words;
    for (std::size_t i = 0; i < batch.size(); ++i)
      for (std::size_t j = 0; j < 4; ++j) words.word[j][i] = batch[i].limbs()[j];
    take_batch(words);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      // Below 2 p, as the bound says.
      batch[i] = F(field::AdxBackend::reduce_once<P>(
          {words.word[0][i], words.word[1][i], words.word[2][i], words.word[3][i]}));
    }
  }
}

}  // namespace assay::curve
#endif
