// Heads, steps, headers of rows and requests from any bytes: refused, or written as the same bytes. Input:
// one byte of choice, then the bytes.
#include <algorithm>

#include "assay/audit_log.h"
#include "base/check.h"

namespace {

using namespace assay;
using namespace assay::audit;

template <class Type>
void read(ByteSpan bytes) {
  const Result<Type> read = Type::decode(bytes, "fuzz");
  if (!read.ok()) {
    ASSAY_CHECK(read.error().place.starts_with("fuzz"), read.error().place);
    return;
  }
  ASSAY_CHECK(std::ranges::equal(read->encode(), bytes), to_hex(read->encode()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  if (data[0] % 4 == 0) read<Head>(bytes);
  if (data[0] % 4 == 1) read<Step>(bytes);
  if (data[0] % 4 == 2 && bytes.size() >= RowHeader::kBytes) {
    const auto first = bytes.first<RowHeader::kBytes>();
    const Result<RowHeader> header = RowHeader::read(first, "fuzz");
    if (!header.ok()) return 0;
    std::array<std::uint8_t, RowHeader::kBytes> again;
    header->write(again);
    ASSAY_CHECK(std::ranges::equal(again, first), to_hex(again));
  }
  if (data[0] % 4 == 3) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const Result<Request> request = Request::decode(text, "fuzz");
    if (request.ok()) ASSAY_CHECK_EQ(request->encode(), text);
  }
  return 0;
}
