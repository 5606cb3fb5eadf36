module half(input a, input b, output s, output c);
  xor(s, a, b);
  assign c = a & b;
endmodule
module full(a, b, cin, s, cout);
  input a, b, cin;
  output s, cout;
  wire t, u, v;
  half h1(.a(a), .b(b), .s(t), .c(u));
  half h2(t, cin, s, v);
  or(cout, u, v);
endmodule
module add2(input [1:0] x, input [1:0] y, output [2:0] z);
  wire k;
  full f0(x[0], y[0], 1'b0, z[0], k);
  full f1(.a(x[1]), .b(y[1]), .cin(k), .s(z[1]),4'bxx.cout(z[2]));
endmodule
