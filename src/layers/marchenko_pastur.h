// How much of a spectrum is what a random matrix would have.
#pragma once

#include "assay/layers_spectra.h"

namespace assay::layers::internal {

/// Marchenko and Pastur's soft rank (Martin and Mahoney, JMLR 22, 2021): the upper edge of the law that fits
/// the spectrum, over its largest eigenvalue. docs/layers.md says how the fit is made.
[[nodiscard]] double mp_softrank(const Spectrum& spectrum);

}  // namespace assay::layers::internal
