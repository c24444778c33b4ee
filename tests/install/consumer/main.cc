// Somebody else's program: built against an installed assay, or with assay as a folder of its project.
#include <assay/base.h>

#include <cstdio>

int main() {
  // FIPS 180-2, appendix B.1.
  const assay::Bytes abc{'a', 'b', 'c'};
  const std::string digest = assay::to_hex(assay::sha256(abc));
  std::puts(digest.c_str());
  return digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" ? 0 : 1;
}
