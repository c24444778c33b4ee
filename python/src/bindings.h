// What the bindings of all rooms share. The module is private: python/assay is the face that people see, and
// what it hands in has the types that it promises.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "assay/base.h"
#include "assay/claim.h"
#include "assay/field.h"
#include "assay/integers.h"
#include "assay/prover.h"
#include "assay/tensor.h"
#include "assay/verifier.h"

namespace nb = nanobind;

namespace assay::python {

/// Carries an Error to where it becomes a Python exception: assay.InputError, or assay.DecodeError where
/// bytes were there but could not be read. It may be thrown with and without the interpreter's lock.
struct Failure {
  Error error;
  bool reading = false;
};

/// The value, or InputError.
template <class T>
T unwrap(Result<T> result) {
  if (!result.ok()) throw Failure{result.error()};
  return std::move(result).value();
}
inline void unwrap(const Status& status) {
  if (!status.ok()) throw Failure{status.error()};
}

/// The value, or DecodeError; InputError where the system gave no bytes to read.
template <class T>
T unwrap_read(Result<T> result) {
  if (!result.ok()) throw Failure{result.error(), true};
  return std::move(result).value();
}

/// Runs `work` while other Python threads go on. It must not touch Python objects.
template <class F>
auto without_gil(F&& work) {
  const nb::gil_scoped_release released;
  return work();
}

/// Any array in C order on the CPU, read only, in place.
using AnyArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

/// Field elements as rows of 32 little-endian bytes.
using Rows = nb::ndarray<const std::uint8_t, nb::shape<-1, 32>, nb::c_contig, nb::device::cpu>;
using NewRows = nb::ndarray<nb::numpy, std::uint8_t, nb::shape<-1, 32>>;

inline ByteSpan span_of(const nb::bytes& bytes) {
  return {static_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}
template <class Container>
nb::bytes to_python(const Container& bytes) {
  return nb::bytes(bytes.data(), bytes.size());
}

inline std::optional<nb::bytes> bytes_if(const std::optional<Digest>& digest) {
  if (!digest) return std::nullopt;
  return to_python(*digest);
}

/// A numpy array that owns the vector.
template <class NewArray, class T>
NewArray to_array(std::vector<T> values, std::initializer_list<std::size_t> shape) {
  auto kept = std::make_unique<std::vector<T>>(std::move(values));
  T* data = kept->data();
  const nb::capsule owner(kept.release(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return NewArray(data, shape, owner);
}

template <class T>
void bind_equality(nb::class_<T>& type) {
  type.def(
      "__eq__", [](const T& a, const T& b) { return a == b; }, nb::is_operator(),
      nb::sig("def __eq__(self, arg: object, /) -> bool"));
}

/// decode, encode, read and write, as all kinds of file have them. Text is what the kind decodes: a ByteSpan
/// or a std::string_view.
template <class Text, class File>
void bind_file(nb::class_<File>& type) {
  type.def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            const Text text(static_cast<const typename Text::value_type*>(data.data()), data.size());
            return unwrap_read(without_gil([&] { return File::decode(text, place); }));
          },
          nb::arg("data"), nb::arg("place"))
      .def("encode",
           [](const File& file) {
             auto encoded = without_gil([&] { return file.encode(); });
             if constexpr (requires { encoded.ok(); }) {
               return to_python(unwrap(std::move(encoded)));
             } else {
               return to_python(encoded);
             }
           })
      .def_static(
          "read",
          [](const std::string& path) { return unwrap_read(without_gil([&] { return File::read(path); })); },
          nb::arg("path"))
      .def(
          "write",
          [](const File& file, const std::string& path) {
            unwrap(without_gil([&] { return file.write(path); }));
          },
          nb::arg("path"));
}

using IntegerTuple = nb::typed<nb::tuple, int, nb::ellipsis>;

/// Errors: kMalformed; kNonCanonical, naming the row.
std::vector<Scalar> read_rows(ByteSpan rows, std::string_view place);
std::vector<Scalar> read_rows(const Rows& rows, std::string_view place);
std::vector<Fr> read_elements(const Rows& rows, std::string_view place);
/// A numpy array of the residues.
NewRows to_rows(std::span<const Fr> elements);
Digest to_digest(const nb::bytes& bytes, std::string_view place);
Axes to_axes(const std::vector<std::uint64_t>& sizes);
IntegerTuple to_tuple(std::span<const std::uint32_t> numbers);

/// Name, values, name of the dtype ("" for that of the array, "scalar" for rows of 32 bytes).
using Source = std::tuple<std::string, AnyArray, std::string>;

/// Name, element type as safetensors says it, shape, and the bytes in place: a tensor of a model in memory.
using NamedBytes = std::tuple<std::string, std::string, tensor::Shape, AnyArray>;
std::vector<tensor::StoredTensor> to_stored(const std::vector<NamedBytes>& given);

/// What the name of a dtype beside an array means: what its elements must be, or what they are where the
/// array holds the bits of that dtype, and is left as it is where not.
enum class DtypeName { kDemanded, kWhereItFits };

/// The arrays in place; rows of residues are Python integers. Errors: kUnsupported, kMismatch, those of
/// read_rows.
claim::Arrays hold(const std::vector<Source>& sources, bool named = true,
                   DtypeName strength = DtypeName::kDemanded);

/// Errors: kUnsupported.
claim::CaptureMode read_capture_mode(const std::string& name);

/// "bfloat16", as torch and numpy say it.
std::optional<std::string_view> dtype_name_of(const claim::Header& header);

void bind_base(nb::module_& m);
void bind_curve(nb::module_& m);
void bind_setup(nb::module_& m);
void bind_schemes(nb::module_& m);
void bind_pst(nb::module_& m);
void bind_kzg(nb::module_& m);
void bind_merkle(nb::module_& m);
void bind_tree(nb::module_& m);
void bind_tree_roots(nb::module_& m);
void bind_tensor(nb::module_& m);
void bind_claim(nb::module_& m);
void bind_stream(nb::module_& m);
void bind_toploc(nb::module_& m);
void bind_weights(nb::module_& m);
void bind_comparison(nb::module_& m);
void bind_engine_states(nb::module_& m);
void bind_audit_packet(nb::module_& m);
void bind_layers(nb::module_& m);
void bind_layers_spectra(nb::module_& m);
void bind_probe(nb::module_& m);
void bind_hooks(nb::module_& m);
void bind_audit(nb::module_& m);
void bind_audit_taps(nb::module_& m);
void bind_audit_verifier(nb::module_& m);
void bind_audit_measure(nb::module_& m);

}  // namespace assay::python
