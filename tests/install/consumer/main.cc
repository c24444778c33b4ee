// Somebody else's program: built against an installed assay, or with assay as a folder of its project.
#include <assay/base.h>
#include <assay/matrix.h>

#include <array>
#include <cmath>
#include <cstdio>

// The library of linear algebra is compiled in: who uses assay needs none of it.
#ifdef EIGEN_WORLD_VERSION
#error "headers of assay include Eigen"
#endif

namespace {

/// The eigenvalues of A^T A for A = [[1, 2], [2, 1]], whose own are 3 and -1.
bool computes_eigenvalues() {
  assay::matrix::Gram gram = assay::matrix::Gram::make(2).value();
  const std::array<double, 4> rows{1, 2, 2, 1};
  if (!gram.add(rows).ok()) return false;
  const std::vector<double> found = gram.eigenvalues().value();
  return std::abs(found[0] - 1) < 1e-12 && std::abs(found[1] - 9) < 1e-12;
}

}  // namespace

int main() {
  // FIPS 180-2, appendix B.1.
  const assay::Bytes abc{'a', 'b', 'c'};
  const std::string digest = assay::to_hex(assay::sha256(abc));
  std::puts(digest.c_str());
  const bool hashes = digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  return hashes && computes_eigenvalues() ? 0 : 1;
}
