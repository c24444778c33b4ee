// Sums of pairs of points eight at a time: 5 products and a square each, in AVX-512 IFMA.
//
// Points keep the storage form of every kernel, x R and y R with R = 2^256, while products here divide by
// 2^260. With the slope scaled by 2^258 instead, its square comes out right as it is, and the product for y
// too small by four exactly; nothing needs a conversion. Points of the arena are below 37/16 p and reduced
// when they leave.
#pragma once

#include "field/target_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <memory>
#include <span>

#include "curve/pairs.h"
#include "field/backend_adx.h"
#include "field/element.h"
#include "field/lanes_ifma.h"

namespace assay::curve {

class PairAdderIfma {
 public:
  PairAdderIfma();
  ~PairAdderIfma();

  /// Carries out a batch and empties it.
  void add(PairBatch& batch);

  /// Doubles points of the curve, PairBatch::kCapacity at most.
  void double_in_place(std::span<G1Affine> points);

  using F = field::Element<field::FpParameters, field::AdxBackend>;

  /// A sum, reduced.
  static Affine<F> reduced(const G1Affine& p);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};
static_assert(AddsPairs<PairAdderIfma, PairAdderIfma::F>);

}  // namespace assay::curve
#endif
