#include <fmt/format.h>

#include "assay/audit_packet.h"
#include "audit/kinds.h"
#include "audit/packet_samples_for_test.h"
#include "base/file.h"
#include "base/wire.h"
#include "tensor/test_support.h"

namespace assay::audit {
namespace {

using tensor::expect_error;

TEST(PacketHeader, HasTheBytesOfThePage) {
  const PacketHeader header = sample_header();
  // Written from docs/audit.md alone.
  WireWriter page;
  page.raw("assay/audit/packet/v1").u32(25 + 16 + 3 * 8 + 3 + 64 + 40 + 4 + 2 * 8 + 4 + 3 * 8);
  page.raw(header.session).u64(5).u64(3).u64(1);
  page.u8(2).u8(2).u8(7).raw(*header.weight).raw(*header.bias);
  page.u64(0).u64(1).u64(10).u64(4).u64(6);
  page.u32(2).u64(1).u64(9).u32(3).u64(0).u64(2).u64(5);
  EXPECT_EQ(to_hex(header.encode()), to_hex(page.bytes()));
  EXPECT_EQ(PacketHeader::decode(page.bytes(), "p").value(), header);
  EXPECT_EQ(header.payload_bytes(), 4U * (2 * 4 + 2 * 3));
}

TEST(PacketHeader, IsTheSameAfterARoundTripForEveryDtypeAndWithColumns) {
  for (const tensor::Dtype dtype :
       {tensor::Dtype::kF64, tensor::Dtype::kF32, tensor::Dtype::kBF16, tensor::Dtype::kF16}) {
    PacketHeader header = sample_header();
    header.dtype = dtype;
    EXPECT_EQ(PacketHeader::decode(header.encode(), "p").value(), header);
    header.weight.reset();
    header.bias.reset();
    header.transposed = false;
    header.call = ProductCall::kMatmul;
    EXPECT_EQ(PacketHeader::decode(header.encode(), "p").value(), header);
    EXPECT_EQ(header.b_bytes(), 3 * 4 * tensor::size_of(dtype));
  }
}

TEST(PacketHeader, IsRefusedCutAnywhereAndWithAByteMore) {
  Bytes bytes = sample_header().encode();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(PacketHeader::decode(ByteSpan(bytes).first(size), "p").ok()) << size;
  bytes.push_back(0);
  EXPECT_FALSE(PacketHeader::decode(bytes, "p").ok());
}

struct Refused {
  std::string what;
  ErrorCode code;
  std::string part;
  void (*change)(PacketHeader&);
};

TEST(PacketHeader, OfNothingOrOutOfItsRangesIsRefused) {
  const std::vector<Refused> cases = {
      {"no rows", ErrorCode::kOutOfRange, "rows: none", [](PacketHeader& h) { h.rows.clear(); }},
      {"no columns", ErrorCode::kOutOfRange, "columns: none", [](PacketHeader& h) { h.columns.clear(); }},
      {"a row outside", ErrorCode::kOutOfRange, "rows: number 1 is 10, of 10",
       [](PacketHeader& h) { h.rows[1] = 10; }},
      {"a column outside", ErrorCode::kOutOfRange, "columns: number 2 is 6, of 6",
       [](PacketHeader& h) { h.columns[2] = 6; }},
      {"a row twice", ErrorCode::kNonCanonical, "rows: number 1 is 9 after 9",
       [](PacketHeader& h) { h.rows[0] = 9; }},
      {"columns in another order", ErrorCode::kNonCanonical, "columns: number 1 is 0 after 2",
       [](PacketHeader& h) { std::swap(h.columns[0], h.columns[1]); }},
      {"no rows of A", ErrorCode::kOutOfRange, "m: zero", [](PacketHeader& h) { h.m = 0; }},
      {"no values", ErrorCode::kOutOfRange, "k: zero", [](PacketHeader& h) { h.k = 0; }},
      {"too many values", ErrorCode::kTooLarge,
       "k: ", [](PacketHeader& h) { h.k = PacketHeader::kMaxSize + 1; }},
      {"a payload over the cap", ErrorCode::kTooLarge,
       "payload: ", [](PacketHeader& h) { h.k = PacketHeader::kMaxPayload / 2; }},
      {"another batch", ErrorCode::kOutOfRange, "batch: 1 of 1", [](PacketHeader& h) { h.batch = 1; }},
      {"a transposed weight that is not named", ErrorCode::kNonCanonical,
       "flags: ", [](PacketHeader& h) { h.weight.reset(); }},
      {"the bias of a weight that is not named", ErrorCode::kNonCanonical, "flags: ",
       [](PacketHeader& h) {
         h.weight.reset();
         h.transposed = false;
       }},
      {"integers", ErrorCode::kUnsupported, "dtype: torch.int32",
       [](PacketHeader& h) { h.dtype = tensor::Dtype::kI32; }},
  };
  for (const Refused& one : cases) {
    PacketHeader header = sample_header();
    one.change(header);
    SCOPED_TRACE(one.what);
    const Status checked = header.check("p");
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().code, one.code);
    EXPECT_THAT(checked.error().to_string(), testing::HasSubstr(one.part));
  }
}

TEST(PacketHeader, OfAnotherCallOrDtypeIsRefused) {
  constexpr std::size_t kCall = 25 + 16 + 3 * 8, kDtype = kCall + 1;
  const auto expect_refused = [](std::size_t at, std::uint8_t given, const std::string& part) {
    Bytes bytes = sample_header().encode();
    bytes[at] = given;
    expect_error(PacketHeader::decode(bytes, "p"), ErrorCode::kUnsupported, part);
  };
  expect_refused(kCall, 0, "0, 1 or 2 is taken");
  expect_refused(kCall, 3, "3, 1 or 2 is taken");
  expect_refused(kDtype, 0, "0, 1 to 4 are taken");
  expect_refused(kDtype, 5, "5, 1 to 4 are taken");
}

TEST(PacketHeader, OfTooManySumsIsRefused) {
  PacketHeader header = sample_header();
  header.m = header.n = header.k = 4096;
  header.dtype = tensor::Dtype::kBF16;
  header.rows.resize(1024);
  header.columns.resize(1024);
  for (std::uint64_t i = 0; i < 1024; ++i) header.rows[i] = header.columns[i] = i;
  expect_error(header.check("p"), ErrorCode::kTooLarge, "entries: ");
  header.columns.resize(512);
  EXPECT_TRUE(header.check("p").ok());
}

TEST(PacketHeader, OfTheLargestPayloadIsTaken) {
  PacketHeader header = sample_header();
  header.dtype = tensor::Dtype::kF64;
  header.rows = header.columns = {0};
  header.k = PacketHeader::kMaxPayload / 8 - 1;
  EXPECT_EQ(header.payload_bytes(), PacketHeader::kMaxPayload);
  EXPECT_TRUE(header.check("p").ok());
  ++header.k;
  expect_error(header.check("p"), ErrorCode::kTooLarge, "payload: ");
}

TEST(PacketHeader, OfAnEmptyOrTooWideProductHasNoRows) {
  EXPECT_EQ(PacketHeader::most_rows(0, 4, tensor::Dtype::kF32, false), 0);
  EXPECT_EQ(PacketHeader::most_rows(4, 0, tensor::Dtype::kF32, false), 0);
  EXPECT_EQ(PacketHeader::most_rows(1, PacketHeader::kMaxColumns + 1, tensor::Dtype::kF32, false), 0);
  EXPECT_EQ(PacketHeader::most_rows(UINT64_MAX, 1, tensor::Dtype::kF32, false), 0) << "k + 1 is 0";
}

TEST(PacketHeader, SaysItsOwnLength) {
  const auto length = [](std::uint32_t size) {
    return PacketHeader::size_of(WireWriter().raw("assay/audit/packet/v1").u32(size).bytes(), "p");
  };
  EXPECT_EQ(length(PacketHeader::kMaxBytes).value(), PacketHeader::kMaxBytes);
  EXPECT_EQ(length(PacketHeader::kPrefixBytes + 1).value(), PacketHeader::kPrefixBytes + 1);
  expect_error(length(PacketHeader::kMaxBytes + 1), ErrorCode::kTooLarge, "length of the header");
  expect_error(length(PacketHeader::kPrefixBytes), ErrorCode::kMalformed, "its beginning alone has 25");
}

TEST(PacketHeader, OfTheMostRowsIsTakenAndOfOneMoreIsNot) {
  for (const std::uint64_t k : {1U, 7U, 4096U, 100000U, 1U << 24}) {
    for (const std::uint64_t columns : {1U, 40U, 65536U}) {
      for (const bool with_columns : {false, true}) {
        const tensor::Dtype dtype = tensor::Dtype::kF64;
        const std::uint64_t most = PacketHeader::most_rows(k, columns, dtype, with_columns);
        PacketHeader header = sample_header();
        header.dtype = dtype;
        header.transposed = !with_columns;
        if (with_columns) {
          header.weight.reset();
          header.bias.reset();
        }
        header.m = header.n = PacketHeader::kMaxSize;
        header.k = k;
        header.columns.resize(columns);
        for (std::uint64_t i = 0; i < columns; ++i) header.columns[i] = i;
        const auto taken = [&](std::uint64_t rows) {
          header.rows.resize(rows);
          for (std::uint64_t i = 0; i < rows; ++i) header.rows[i] = i;
          return header.check("p").ok();
        };
        SCOPED_TRACE(fmt::format("{} {} {} {}", k, columns, with_columns, most));
        EXPECT_TRUE(most == 0 || taken(most));
        EXPECT_FALSE(taken(most + 1));
      }
    }
  }
}

TEST(PacketHeader, ThatHasTwoEncodingsIsRefused) {
  const Bytes good = sample_header().encode();
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return PacketHeader::decode(bytes, "p");
  };
  constexpr std::size_t kCall = 25 + 16 + 24;
  expect_error(with(20, '2'), ErrorCode::kUnsupported, "version");
  expect_error(with(0, 'A'), ErrorCode::kMalformed, "tag");
  expect_error(with(21, 0), ErrorCode::kMalformed, "length of the header");
  expect_error(with(24, 0xff), ErrorCode::kTooLarge, "length of the header");
  expect_error(with(21, static_cast<std::uint8_t>(good[21] + 1)), ErrorCode::kMalformed,
               "length of the header");
  expect_error(with(kCall, 0), ErrorCode::kUnsupported, "call");
  expect_error(with(kCall, 3), ErrorCode::kUnsupported, "call");
  expect_error(with(kCall + 1, 0), ErrorCode::kUnsupported, "dtype");
  expect_error(with(kCall + 1, 5), ErrorCode::kUnsupported, "dtype");
  expect_error(with(kCall + 2, 15), ErrorCode::kNonCanonical, "flags");
  // The digest of the bias is there, and the flags say that there is none.
  expect_error(with(kCall + 2, 3), ErrorCode::kNonCanonical, "bias");
}

TEST(BareHeader, AnnouncesFloat64) {
  const BareHeader header = BareHeader::decode(WireWriter().u32(4).u32(40).u32(4000).bytes(), "p").value();
  EXPECT_EQ(header.payload_bytes(), 4 * 4000 * 8 + 4 * 40 * 8);
  // What the notebook sent most of the time.
  EXPECT_EQ(BareHeader::decode(WireWriter().u32(0).u32(4).u32(4000).bytes(), "p").value().payload_bytes(), 0);
  expect_error(BareHeader::decode(WireWriter().u32(4).u32(40).bytes(), "p"), ErrorCode::kMalformed, "k");
  constexpr std::uint32_t kMost = PacketHeader::kMaxPayload / 8;
  EXPECT_TRUE(BareHeader::decode(WireWriter().u32(1).u32(1).u32(kMost - 1).bytes(), "p").ok());
  expect_error(BareHeader::decode(WireWriter().u32(1).u32(1).u32(kMost).bytes(), "p"), ErrorCode::kTooLarge,
               "payload");
  for (const std::uint32_t rows : {3U, UINT32_MAX})
    expect_error(BareHeader::decode(WireWriter().u32(rows).u32(UINT32_MAX).u32(UINT32_MAX).bytes(), "p"),
                 ErrorCode::kTooLarge, "payload");
}

/// What comes out of a stream that is cut into pieces of this size.
struct Read {
  std::vector<Packet> packets;
  std::vector<BareHeader> bare;
  Status ended;
  bool within = false;
};

Read read_all(ByteSpan stream, std::size_t piece) {
  Read read;
  PacketReader reader("p");
  while (!stream.empty()) {
    const std::span<std::uint8_t> space = reader.space();
    const std::size_t count = std::min({piece, space.size(), stream.size()});
    std::copy_n(stream.begin(), count, space.begin());
    stream = stream.subspan(count);
    read.ended = reader.filled(count);
    if (!read.ended.ok()) return read;
    if (!reader.whole()) continue;
    EXPECT_TRUE(reader.space().empty());
    if (reader.packet()) {
      read.packets.push_back(*reader.packet());
      EXPECT_EQ(reader.payload_bytes(), reader.packet()->payload.size());
    }
    if (reader.bare()) read.bare.push_back(*reader.bare());
    reader.next();
  }
  read.within = reader.begun();
  return read;
}

TEST(PacketReader, TakesPacketsHoweverTheStreamIsCut) {
  const Packet packet = honest_packet(tensor::Dtype::kF32);
  WireWriter stream;
  for (int i = 0; i < 2; ++i) {
    stream.raw(packet.header.encode()).raw(packet.payload);
    stream.u32(2).u32(3).u32(4).raw(Bytes(8 * 2 * 7));
    stream.u32(0).u32(3).u32(4);
  }
  for (const unsigned piece : {1U, 5U, 12U, 13U, 1000U, 1000000U}) {
    const Read read = read_all(stream.bytes(), piece);
    ASSERT_TRUE(read.ended.ok()) << read.ended.error().to_string();
    ASSERT_EQ(read.packets.size(), 2);
    EXPECT_EQ(read.packets[1].header, packet.header);
    EXPECT_EQ(read.packets[1].payload, packet.payload);
    EXPECT_EQ(read.bare.size(), 4);
    EXPECT_FALSE(read.within);
  }
  EXPECT_TRUE(read_all(ByteSpan(stream.bytes()).first(500), 7).within);
}

TEST(PacketReader, RefusesAHeaderBeforeItTakesMemoryForIt) {
  const Read bare = read_all(WireWriter().u32(UINT32_MAX).u32(UINT32_MAX).u32(UINT32_MAX).bytes(), 12);
  expect_error(bare.ended, ErrorCode::kTooLarge, "payload");
  const Read length = read_all(WireWriter().raw("assay/audit/packet/v1").u32(UINT32_MAX).bytes(), 12);
  expect_error(length.ended, ErrorCode::kTooLarge, "length of the header");
}

TEST(PacketReader, TakesMemoryAsBytesCome) {
  PacketHeader header = sample_header();
  header.k = std::uint64_t{1} << 21;
  PacketReader reader("p");
  const Bytes head = header.encode();
  ByteSpan left = head;
  while (!left.empty()) {
    const auto space = reader.space();
    const std::size_t count = std::min(space.size(), left.size());
    std::copy_n(left.begin(), count, space.begin());
    left = left.subspan(count);
    ASSERT_TRUE(reader.filled(count).ok());
  }
  ASSERT_TRUE(reader.has_header());
  EXPECT_EQ(reader.space().size(), std::size_t{1} << 20);
  EXPECT_EQ(reader.packet()->payload.size(), std::size_t{1} << 20);
}

TEST(PacketFile, IsShownWhereItsPacketsAreWhole) {
  const tensor::TempDir directory;
  const std::filesystem::path path = directory / "packets";
  const Packet packet = honest_packet(tensor::Dtype::kF32);
  Bytes bytes = packet.header.encode();
  bytes.insert(bytes.end(), packet.payload.begin(), packet.payload.end());
  ASSERT_TRUE(write_file(path, ByteSpan(bytes)).ok());
  const FileKind* const kind = find_kind(path, file_kinds()).value();
  EXPECT_EQ(kind->name, "packets of sampled products");
  EXPECT_EQ(kind->read(path).value().at("packets").dump(), "1");
  const Bytes bare = WireWriter().u32(0).u32(3).u32(4).take();
  bytes.insert(bytes.begin(), bare.begin(), bare.end());
  ASSERT_TRUE(write_file(path, ByteSpan(bytes)).ok());
  const Json shown = kind->read(path).value();
  EXPECT_EQ(shown.at("packets").dump(), "2");
  EXPECT_EQ(shown.at("without_a_weight").dump(), "1");
  EXPECT_EQ(shown.at("first").at("session"), to_hex(packet.header.session)) << "of the first with a header";
  bytes.pop_back();
  ASSERT_TRUE(write_file(path, ByteSpan(bytes)).ok());
  expect_error(kind->read(path), ErrorCode::kMalformed, "it ends within a packet");
}

}  // namespace
}  // namespace assay::audit
