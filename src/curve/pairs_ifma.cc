#include "curve/pairs_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <algorithm>
#include <array>
#include <utility>

namespace assay::curve {
namespace {

namespace ifma = field::ifma;
using P = field::FpParameters;
using field::Limbs;
using F = PairAdderIfma::F;
template <int kBound>
using Tight = ifma::Tight<P, kBound>;
template <int kLow, int kHigh>
using Loose = ifma::Loose<P, kLow, kHigh>;

constexpr int kStored = ifma::kReduced;  // coordinates in the arena; those of bases are below 16
constexpr int kSlope = 3 * 16 + 37;      // x2 - x1, lifted
constexpr int kPrefix = ifma::product_bound(18 * kSlope);
static_assert(kPrefix == 18, "the running product keeps its bound");

constexpr std::size_t kLanes = ifma::kLanes;
constexpr std::size_t kVectors = PairBatch::kCapacity / kLanes;
// Running products that do not wait for each other: one product takes longer to finish than to issue.
constexpr std::size_t kChains = 2;
static_assert(kVectors % kChains == 0);

/// What the second pass needs of eight pairs.
struct alignas(64) Pending {
  Tight<kSlope> run;      // x2 - x1
  Tight<kPrefix> before;  // product of the chain's runs before this one
  Tight<117> rise;        // y2 - y1
  Loose<0, 2 * kStored> x_sum;
  Tight<kStored> x1;
  Tight<kStored> y1;
};

/// A value below 2^256 modulo p.
Limbs reduce_fully(Limbs a) {
  while (field::internal::at_least(a, P::kModulus)) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t difference = a[i] - P::kModulus[i] - borrow;
      borrow = a[i] < P::kModulus[i] || (a[i] == P::kModulus[i] && borrow != 0) ? 1 : 0;
      a[i] = difference;
    }
  }
  return a;
}

ASSAY_TARGET_IFMA_BEGIN

template <int kBound>
ASSAY_INLINE void extract(const Tight<kBound>& value, std::array<Limbs, kLanes>& lanes) {
  __m512i words[4];
  ifma::to_words(value, words);
  alignas(64) std::array<std::array<std::uint64_t, kLanes>, 4> columns;
  for (std::size_t i = 0; i < 4; ++i) _mm512_store_si512(columns[i].data(), words[i]);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t i = 0; i < 4; ++i) lanes[lane][i] = columns[i][lane];
  }
}

/// One in the lanes of `lanes`, the value elsewhere.
template <int kBound>
ASSAY_INLINE Tight<kBound> one_in(const Tight<kBound>& value, __mmask8 lanes) {
  Tight<kBound> out;
  out.limb[0] = _mm512_mask_mov_epi64(value.limb[0], lanes, _mm512_set1_epi64(1));
  ASSAY_UNROLL for (int i = 1; i < 5; ++i) out.limb[i] =
      _mm512_maskz_mov_epi64(static_cast<__mmask8>(~lanes), value.limb[i]);
  return out;
}

/// The value under a higher bound.
template <int kTo, int kFrom>
ASSAY_INLINE Tight<kTo> widened(const Tight<kFrom>& value) {
  static_assert(kFrom <= kTo);
  return {{value.limb[0], value.limb[1], value.limb[2], value.limb[3], value.limb[4]}};
}

struct Coordinates {
  Tight<kStored> x, y;
  __mmask8 infinity;
};

/// The points of eight lanes.
template <class Address>
ASSAY_INLINE Coordinates load(const Address& address_of) {
  __m512i rows[8];
  ASSAY_UNROLL for (std::size_t i = 0; i < kLanes; ++i) rows[i] = _mm512_loadu_si512(address_of(i));
  ifma::transpose(rows);
  // A file may hold numbers that are no coordinates. They stay within the bounds, and no sum but theirs is
  // wrong.
  const __m512i largest = _mm512_set1_epi64(static_cast<long long>((P::kModulus[3] >> 4) * kStored));
  const __m512i x[4] = {rows[0], rows[1], rows[2], _mm512_min_epu64(rows[3], largest)};
  const __m512i y[4] = {rows[4], rows[5], rows[6], _mm512_min_epu64(rows[7], largest)};
  __m512i any = rows[0];
  ASSAY_UNROLL for (int i = 1; i < 8; ++i) any = _mm512_or_si512(any, rows[i]);
  return {ifma::from_words<P, kStored>(x), ifma::from_words<P, kStored>(y),
          _mm512_testn_epi64_mask(any, any)};
}

/// The values, negated in some lanes.
ASSAY_INLINE Loose<-kStored, kStored> negated_in(const Tight<kStored>& value, __mmask8 lanes) {
  Loose<-kStored, kStored> out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
    out.limb[i] = _mm512_mask_sub_epi64(value.limb[i], lanes, _mm512_setzero_si512(), value.limb[i]);
  }
  return out;
}

/// kHint is that of __builtin_prefetch: 3 for every cache, 2 for all but the first.
template <int kHint>
ASSAY_INLINE void prefetch(const PairBatch& batch, std::size_t vector) {
  const std::size_t first = vector * kLanes;
  if (first + kLanes > batch.size()) return;
  ASSAY_UNROLL for (std::size_t i = 0; i < kLanes; ++i) {
    __builtin_prefetch(&batch.left(first + i), 0, kHint);
    __builtin_prefetch(&*batch.right(first + i), 0, kHint);
  }
}

/// Bits of the lanes from `count` on.
ASSAY_INLINE __mmask8 lanes_from(std::size_t count) {
  return count >= kLanes ? __mmask8{0} : static_cast<__mmask8>(0xffU << count);
}

/// Differences and running products of all pairs. A pair that has no slope of its own gets a run of zero.
void first_pass(const PairBatch& batch, Pending* pending, Tight<kPrefix> (&product)[kChains]) {
  // Into the second cache early, which can wait for many lines at a time, and into the first one soon before
  // use.
  constexpr std::size_t kAhead = 3, kFar = 8;
  for (std::size_t v = 0; v < kFar; ++v) prefetch<2>(batch, v);
  const std::size_t vectors = (batch.size() + kLanes - 1) / kLanes;
  for (std::size_t v = 0; v < std::min(kAhead, vectors); ++v) prefetch<3>(batch, v);
  for (std::size_t v = 0; v < vectors; ++v) {
    prefetch<2>(batch, v + kFar);
    prefetch<3>(batch, v + kAhead);
    const std::size_t first = v * kLanes;
    const Coordinates left = load([&](std::size_t i) { return &batch.left(first + i); });
    const Coordinates right = load([&](std::size_t i) { return &*batch.right(first + i); });
    static_assert(sizeof(PointRef) == 8);
    const __mmask8 negated =
        _mm512_test_epi64_mask(_mm512_loadu_si512(&batch.right(first)), _mm512_set1_epi64(PointRef::kSign));
    Pending& out = pending[v];
    Tight<kSlope> run = (right.x - left.x).carried();
    const auto infinite = static_cast<__mmask8>(left.infinity | right.infinity);
    if (infinite != 0) [[unlikely]] {
      ASSAY_UNROLL for (int i = 0; i < 5; ++i) run.limb[i] =
          _mm512_maskz_mov_epi64(static_cast<__mmask8>(~infinite), run.limb[i]);
    }
    const __mmask8 idle = lanes_from(batch.size() - first);
    if (idle != 0) [[unlikely]]
      run = one_in(run, idle);
    out.run = run;
    out.rise = (negated_in(right.y, negated) - left.y).carried();
    out.x_sum = left.x + right.x;
    out.x1 = left.x;
    out.y1 = left.y;
    Tight<kPrefix>& chain = product[v % kChains];
    out.before = chain;
    chain = (chain * run).carried();
  }
}

/// The running products alone, from runs that have been changed.
void multiply_runs(Pending* pending, std::size_t vectors, Tight<kPrefix> (&product)[kChains]) {
  for (std::size_t v = 0; v < vectors; ++v) {
    Tight<kPrefix>& chain = product[v % kChains];
    pending[v].before = chain;
    chain = (chain * pending[v].run).carried();
  }
}

/// Tangents of consecutive points in place of differences of pairs; a run of one at infinity. Bits of
/// `infinite` say which of a vector's points lie there.
void tangent_pass(std::span<const G1Affine> points, Pending* pending, __mmask8* infinite,
                  Tight<kPrefix> (&product)[kChains]) {
  // A square of coordinates times 2^256 comes out times 2^252; this makes up for it, and triples.
  constexpr Limbs kThreeTimes2To264 = {0xf3912d80f0c5336e, 0x088710c8c27412ff, 0x764dda251da7e2f6,
                                       0x286b3d2ece94aa05};
  const auto triple = ifma::broadcast<P, 16>(kThreeTimes2To264);
  const std::size_t vectors = (points.size() + kLanes - 1) / kLanes;
  for (std::size_t v = 0; v < vectors; ++v) {
    const std::size_t first = v * kLanes;
    const Coordinates p =
        load([&](std::size_t i) { return &points[std::min(first + i, points.size() - 1)]; });
    infinite[v] = p.infinity;
    Pending& out = pending[v];
    out.run = one_in(widened<kSlope>((p.y + p.y).carried()), p.infinity);
    out.rise = widened<117>((squared(p.x).carried() * triple).carried());
    out.x_sum = p.x + p.x;
    out.x1 = p.x;
    out.y1 = p.y;
    Tight<kPrefix>& chain = product[v % kChains];
    out.before = chain;
    chain = (chain * out.run).carried();
  }
}

/// From the inverse of each chain's product back to the sums, last vector first; `out_of` gives the place of
/// the sum with a number.
template <class Out>
ASSAY_INLINE void second_pass(const Out& out_of, std::size_t size, const Pending* pending,
                              Tight<kPrefix> (&inverse)[kChains]) {
  const std::size_t vectors = (size + kLanes - 1) / kLanes;
  for (std::size_t v = vectors; v-- > 0;) {
    const Pending& in = pending[v];
    Tight<kPrefix>& chain = inverse[v % kChains];
    const auto inverse_run = (in.before * chain).carried();
    chain = (chain * in.run).carried();
    const auto slope = (in.rise * inverse_run).carried();
    const Tight<kStored> x3 = (squared(slope) - in.x_sum).reduced();
    const Tight<kStored> y3 = ((slope * (in.x1 - x3).carried()).times_four() - in.y1).reduced();
    __m512i x[4], y[4];
    ifma::to_words(x3, x);
    ifma::to_words(y3, y);
    __m512i rows[8] = {x[0], x[1], x[2], x[3], y[0], y[1], y[2], y[3]};
    ifma::transpose(rows);
    const std::size_t first = v * kLanes;
    if (first + kLanes <= size) {
      ASSAY_UNROLL for (std::size_t i = 0; i < kLanes; ++i) _mm512_storeu_si512(out_of(first + i), rows[i]);
    } else {
      for (std::size_t i = 0; first + i < size; ++i) _mm512_storeu_si512(out_of(first + i), rows[i]);
    }
  }
}

/// Notes the pairs whose run is zero in the field; their runs become one.
void take_out_special(Pending* pending, std::size_t count, SpecialSums<F>& special) {
  std::array<Limbs, kLanes> lanes;
  for (std::size_t v = 0; v * kLanes < count; ++v) {
    // Zero may stand there as any of six multiples of p; a product brings it under two.
    extract((pending[v].run * ifma::broadcast<P, 16>(P::kOne)).carried(), lanes);
    unsigned zero = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (reduce_fully(lanes[lane]) != Limbs{}) continue;
      zero |= 1U << lane;
      special.note(v * kLanes + lane);
    }
    pending[v].run = one_in(pending[v].run, static_cast<__mmask8>(zero));
  }
}

ASSAY_TARGET_IFMA_END

}  // namespace

struct PairAdderIfma::Scratch {
  std::array<Pending, kVectors> pending;
  SpecialSums<F> special;
};

PairAdderIfma::PairAdderIfma() : scratch_(std::make_unique<Scratch>()) {}
PairAdderIfma::~PairAdderIfma() = default;

Affine<PairAdderIfma::F> PairAdderIfma::reduced(const G1Affine& p) {
  return {F(reduce_fully(p.x.limbs)), F(reduce_fully(p.y.limbs))};
}

ASSAY_TARGET_IFMA_BEGIN

/// The inverses of all lanes of all chains, scaled so that a slope comes out times 2^258. False where a
/// product is zero.
static bool invert(Tight<kPrefix> (&product)[kChains]) {
  std::array<Limbs, kLanes> lanes;
  std::array<F, kChains * kLanes> values, before;
  F running = F::one();
  for (std::size_t c = 0; c < kChains; ++c) {
    extract(product[c], lanes);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t i = c * kLanes + lane;
      values[i] = F(reduce_fully(lanes[lane]));
      before[i] = running;
      running *= values[i];
    }
  }
  if (running.is_zero()) return false;
  // The product stands for its integer over 2^256, its inverse then for 2^512 over the integer; what makes
  // rise * before * inverse a slope times 2^258 is 2^518 over it.
  F inverse = running.inverse() * F::from_u64(64);
  for (std::size_t c = kChains; c-- > 0;) {
    for (std::size_t lane = kLanes; lane-- > 0;) {
      const std::size_t i = c * kLanes + lane;
      lanes[lane] = (inverse * before[i]).limbs();
      inverse *= values[i];
    }
    alignas(64) std::array<std::array<std::uint64_t, kLanes>, 4> columns;
    __m512i words[4];
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) columns[i][lane] = lanes[lane][i];
      words[i] = _mm512_load_si512(columns[i].data());
    }
    product[c] = ifma::from_words<P, kPrefix>(words);
  }
  return true;
}

void PairAdderIfma::add(PairBatch& batch) {
  if (batch.size() == 0) return;
  batch.pad(kLanes);
  Pending* const pending = scratch_->pending.data();
  Tight<kPrefix> product[kChains];
  for (auto& chain : product) chain = ifma::broadcast<P, kPrefix>(P::kOne);
  first_pass(batch, pending, product);
  const auto out_of = [&](std::size_t i) { return &batch.out(i); };
  if (invert(product)) {
    second_pass(out_of, batch.size(), pending, product);
    batch.clear();
    return;
  }
  // Somewhere two points are equal, opposite or infinite.
  SpecialSums<F>& special = scratch_->special;
  special.clear();
  take_out_special(pending, batch.size(), special);
  special.make(batch, reduced);
  for (auto& chain : product) chain = ifma::broadcast<P, kPrefix>(P::kOne);
  multiply_runs(pending, (batch.size() + kLanes - 1) / kLanes, product);
  ASSAY_CHECK(invert(product), batch.size());
  second_pass(out_of, batch.size(), pending, product);
  special.store(batch);
  batch.clear();
}

void PairAdderIfma::double_in_place(std::span<G1Affine> points) {
  ASSAY_CHECK_LE(points.size(), PairBatch::kCapacity);
  if (points.empty()) return;
  Pending* const pending = scratch_->pending.data();
  std::array<__mmask8, kVectors> infinite;
  Tight<kPrefix> product[kChains];
  for (auto& chain : product) chain = ifma::broadcast<P, kPrefix>(P::kOne);
  tangent_pass(points, pending, infinite.data(), product);
  // No point of the group has y = 0.
  ASSAY_CHECK(invert(product), points.size());
  second_pass([&](std::size_t i) { return &points[i]; }, points.size(), pending, product);
  for (std::size_t v = 0; v * kLanes < points.size(); ++v) {
    if (infinite[v] == 0) [[likely]]
      continue;
    for (std::size_t i = v * kLanes; i < std::min((v + 1) * kLanes, points.size()); ++i)
      if ((infinite[v] >> (i % kLanes) & 1) != 0) points[i] = G1Affine::infinity();
  }
}

ASSAY_TARGET_IFMA_END

}  // namespace assay::curve
#endif
