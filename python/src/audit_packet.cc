// The packets of sample mode, as whoever sends them makes them, and what the prover says of a run.
#include "assay/audit_packet.h"

#include "assay/audit.h"
#include "assay/audit_log.h"

#include <algorithm>

#include "bindings.h"

namespace assay::python {
namespace {

using audit::PacketHeader;
using audit::ProductCall;

tensor::Dtype read_dtype(std::string_view name) {
  const std::optional<tensor::Dtype> known = tensor::from_short_name(name);
  if (!known) throw Failure{{ErrorCode::kUnsupported, "dtype", "no such element type"}};
  return *known;
}

ProductCall read_call(std::string_view name) {
  for (const ProductCall call : {ProductCall::kMatmul, ProductCall::kLinear})
    if (to_string(call) == name) return call;
  throw Failure{{ErrorCode::kUnsupported, "call", "neither 'matmul' nor 'linear'"}};
}

std::optional<Digest> read_digest(const std::optional<nb::bytes>& bytes, std::string_view place) {
  if (!bytes) return std::nullopt;
  return to_digest(*bytes, place);
}

nb::bytes encode_header(const nb::bytes& session, std::uint64_t sequence, std::uint64_t product,
                        std::uint64_t dropped, std::string_view call, std::string_view dtype, bool transposed,
                        const std::optional<nb::bytes>& weight, const std::optional<nb::bytes>& bias,
                        std::uint64_t batch, std::uint64_t batches,
                        const std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>& shape,
                        std::vector<std::uint64_t> rows, std::vector<std::uint64_t> columns) {
  PacketHeader header;
  const ByteSpan id = span_of(session);
  if (id.size() != header.session.size())
    throw Failure{{ErrorCode::kMalformed, "session", "16 bytes are needed"}};
  std::copy(id.begin(), id.end(), header.session.begin());
  header.sequence = sequence;
  header.product = product;
  header.dropped = dropped;
  header.call = read_call(call);
  header.dtype = read_dtype(dtype);
  header.transposed = transposed;
  header.weight = read_digest(weight, "weight");
  header.bias = read_digest(bias, "bias");
  header.batch = batch;
  header.batches = batches;
  std::tie(header.m, header.k, header.n) = shape;
  header.rows = std::move(rows);
  header.columns = std::move(columns);
  unwrap(header.check("packet"));
  return to_python(header.encode());
}

}  // namespace

void bind_audit_packet(nb::module_& m) {
  m.def(
      "audit_layer_roles",
      [](std::string_view name) -> std::optional<std::pair<std::string_view, std::string_view>> {
        const std::optional<audit::LayerRoles> roles = audit::roles_of_layer(name);
        if (!roles) return std::nullopt;
        return std::pair(to_string(roles->input), to_string(roles->output));
      },
      nb::arg("name"));
  m.def(
      "audit_request_text",
      [](const nb::bytes& nonce, const std::vector<std::uint32_t>& prompt_token_ids,
         const std::vector<std::uint32_t>& output_token_ids, const std::string& sampling) {
        return audit::Request{to_digest(nonce, "nonce"), prompt_token_ids, output_token_ids, sampling}
            .encode();
      },
      nb::arg("nonce"), nb::arg("prompt_token_ids"), nb::arg("output_token_ids"), nb::arg("sampling"));
  m.def("audit_packet_header", &encode_header, nb::arg("session"), nb::arg("sequence"), nb::arg("product"),
        nb::arg("dropped"), nb::arg("call"), nb::arg("dtype"), nb::arg("transposed"),
        nb::arg("weight").none(), nb::arg("bias").none(), nb::arg("batch"), nb::arg("batches"),
        nb::arg("shape"), nb::arg("rows"), nb::arg("columns"));
  m.def(
      "audit_packet_most_rows",
      [](std::uint64_t k, std::uint64_t columns, std::string_view dtype, bool with_columns) {
        return PacketHeader::most_rows(k, columns, read_dtype(dtype), with_columns);
      },
      nb::arg("k"), nb::arg("columns"), nb::arg("dtype"), nb::arg("with_columns"));
  m.def(
      "audit_weight_digest",
      [](std::string_view dtype, const tensor::Shape& shape, const AnyArray& values) {
        const ByteSpan bytes(static_cast<const std::uint8_t*>(values.data()), values.nbytes());
        return to_python(without_gil([&] { return audit::weight_digest(dtype, shape, bytes); }));
      },
      nb::arg("dtype"), nb::arg("shape"), nb::arg("values"),
      nb::sig("def audit_weight_digest(dtype: str, shape: collections.abc.Sequence[int], values: typing.Any) "
              "-> bytes"));
}

}  // namespace assay::python
