// What lies before the basis of an SRS file on arbitrary bytes: a file that parses begins with the bytes that
// its key and its digests encode to, and has the length that its size needs.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "kzg/srs_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace kzg = assay::kzg;
  const assay::ByteSpan bytes(data, size);
  const assay::Result<kzg::internal::SrsHead> head = kzg::internal::parse_srs_file(bytes, "fuzz");
  if (!head.ok()) return 0;
  const assay::Bytes encoded = kzg::internal::encode_srs_head(head->key, head->chunk_digests);
  if (!std::equal(encoded.begin(), encoded.end(), bytes.begin())) std::abort();
  if (kzg::internal::srs_layout(head->key.log_size).file_size != size) std::abort();
  return 0;
}
