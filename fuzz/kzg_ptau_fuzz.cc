// The frame of a .ptau file on arbitrary bytes: what parses has sections within the file, of the sizes that
// its power asks for, and every basis that it offers lies within them.
#include <cstdint>
#include <cstdlib>

#include "kzg/ptau_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace kzg = assay::kzg;
  const assay::ByteSpan bytes(data, size);
  const assay::Result<kzg::internal::PtauFile> file = kzg::internal::parse_ptau(bytes, "fuzz");
  if (!file.ok()) return 0;
  if (file->power < 1 || file->power > kzg::kMaxLogSize) std::abort();
  const std::uint64_t n = std::uint64_t{1} << file->power;
  if (file->tau_g1.size() != 64 * (2 * n - 1) || file->tau_g2.size() != 128 * n) std::abort();
  static_cast<void>(kzg::internal::read_g2(file->tau_g2, n - 1, "fuzz"));
  assay::G1Affine point;
  kzg::internal::read_points(file->tau_g1, 2 * n - 2, {&point, 1});
  if (!file->lagrange) return 0;
  for (unsigned log_size = 0; log_size <= file->power; ++log_size) {
    const assay::ByteSpan basis = file->basis(log_size);
    if (basis.size() != std::size_t{64} << log_size) std::abort();
    kzg::internal::read_points(basis, (std::size_t{1} << log_size) - 1, {&point, 1});
  }
  return 0;
}
