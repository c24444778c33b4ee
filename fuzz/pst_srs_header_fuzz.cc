// The frame of an SRS file on arbitrary bytes: a file that parses has the header page that its key encodes
// to, and the length that its axes need.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "pst/srs_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace pst = assay::pst;
  const assay::ByteSpan bytes(data, size);
  const assay::Result<pst::internal::SrsHeader> parsed = pst::internal::parse_srs_file(bytes, "fuzz");
  if (!parsed.ok()) return 0;
  const assay::Bytes header = pst::internal::encode_srs_header(parsed->key, parsed->first_level);
  if (!std::equal(header.begin(), header.end(), bytes.begin())) std::abort();
  if (pst::internal::srs_layout(parsed->key.axes, parsed->first_level).file_size != size) std::abort();
  return 0;
}
