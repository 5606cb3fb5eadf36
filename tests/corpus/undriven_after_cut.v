module t(input a, output y); wire w = ~a; nand n1(moduley, w, a); endmodule // end
